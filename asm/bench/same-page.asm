; Variables on the page of the code that changes them, but not in its cache line: there processors are slow, too.
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
    align 256
counter dd 0
sum dd 0
