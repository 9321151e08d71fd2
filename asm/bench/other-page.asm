; The same loop as same-page, its variables elsewhere.
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
counter = BUFFER
sum = BUFFER+4
