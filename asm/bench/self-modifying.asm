; A loop that writes the constant of its own addition.
include 'kernel.inc'
default_rounds 300000

    mov ecx, N
    xor eax, eax
again:
    mov [changed+1], ecx
changed:
    add eax, 0x12345678
    dec ecx
    jnz again
    finish
