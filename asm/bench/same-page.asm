; Variables beside the code that changes them.
include 'kernel.inc'
default_rounds 3000000

    mov ecx, N
again:
    inc dword [counter]
    mov eax, [sum]
    add eax, ecx
    mov [sum], eax
    dec ecx
    jnz again
    mov eax, [sum]
    finish
counter dd 0
sum dd 0
