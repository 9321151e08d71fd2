; An interpreter's inner loop: jumps through a table by pseudo-random codes.
include 'kernel.inc'
default_rounds 4000000

    mov ecx, N
    mov esi, 1
    xor eax, eax
again:
    imul esi, esi, 1664525
    add esi, 1013904223
    mov edx, esi
    shr edx, 29
    jmp dword [table+edx*4]
case0: add eax, 1
    jmp next
case1: sub eax, esi
    jmp next
case2: xor eax, esi
    jmp next
case3: shl eax, 1
    jmp next
case4: inc eax
    jmp next
case5: or eax, 16
    jmp next
case6: neg eax
    jmp next
case7: ror eax, 3
next:
    dec ecx
    jnz again
    finish
    align 4
table dd case0, case1, case2, case3, case4, case5, case6, case7
