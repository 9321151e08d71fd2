; Long copies and fills.
include 'kernel.inc'
default_rounds 300

    mov ebp, N
round:
    mov edi, BUFFER
    mov ecx, 65536
    mov eax, ebp
    rep stosd
    mov esi, BUFFER
    mov edi, BUFFER+0x80000
    mov ecx, 65536
    rep movsd
    dec ebp
    jnz round
    mov eax, [BUFFER+0x80004]
    finish
