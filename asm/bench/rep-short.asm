; Copies of 16 bytes.
include 'kernel.inc'
default_rounds 1000000

    mov ebp, N
round:
    mov esi, BUFFER
    mov edi, BUFFER+0x1000
    mov ecx, 4
    rep movsd
    dec ebp
    jnz round
    mov eax, edi
    finish
