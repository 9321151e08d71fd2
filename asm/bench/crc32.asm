; CRC-32 by table over one megabyte, N times.
include 'kernel.inc'
default_rounds 4
LENGTH = 1048576
TABLE = BUFFER
BYTES = BUFFER+4096

    xor ebx, ebx
row:
    mov eax, ebx
    mov ecx, 8
bit:
    shr eax, 1
    jnc even
    xor eax, 0xedb88320
even:
    dec ecx
    jnz bit
    mov [TABLE+ebx*4], eax
    inc ebx
    cmp ebx, 256
    jb row

    xor ecx, ecx
    mov eax, 1
fill:
    imul eax, eax, 1103515245
    add eax, 12345
    mov [BYTES+ecx*4], eax
    inc ecx
    cmp ecx, LENGTH/4
    jb fill

    mov ebp, N
    mov eax, -1
round:
    mov esi, BYTES
    mov ecx, LENGTH
byte_:
    movzx edx, byte [esi]
    movzx ebx, al
    xor edx, ebx
    shr eax, 8
    xor eax, [TABLE+edx*4]
    inc esi
    dec ecx
    jnz byte_
    dec ebp
    jnz round
    not eax
    finish
