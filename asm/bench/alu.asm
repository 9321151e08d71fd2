; Registers only: dependent additions, rotations and logic.
include 'kernel.inc'
default_rounds 3000000

    mov ecx, N
    xor eax, eax
    xor ebx, ebx
    mov edx, 0x12345678
    xor esi, esi
again:
    add eax, ecx
    xor ebx, eax
    lea edx, [edx+ebx*4+7]
    rol ebx, 5
    add esi, edx
    and edx, 0x7fffffff
    sub eax, esi
    dec ecx
    jnz again
    add eax, ebx
    finish
