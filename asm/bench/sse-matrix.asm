; Products of matrices of singles, four columns at a time.
include 'kernel.inc'
default_rounds 60
SIDE = 32
A = BUFFER
B = A+SIDE*SIDE*4
C = B+SIDE*SIDE*4

    mov edi, A
    mov ecx, SIDE*SIDE*2
    mov eax, 12345
fill:
    imul eax, eax, 1103515245
    add eax, 12345
    cvtsi2ss xmm0, eax
    mov edx, eax
    shr edx, 7
    or edx, 1
    cvtsi2ss xmm1, edx
    divss xmm0, xmm1
    movss [edi], xmm0
    add edi, 4
    dec ecx
    jnz fill

    xor eax, eax
    mov ebp, N
round:
    mov edi, C
    mov esi, A
row:
    mov ebx, B
columns:
    xorps xmm0, xmm0
    mov ecx, SIDE
term:
    movss xmm1, [esi]
    shufps xmm1, xmm1, 0
    movaps xmm2, [ebx]
    mulps xmm2, xmm1
    addps xmm0, xmm2
    add esi, 4
    add ebx, SIDE*4
    dec ecx
    jnz term
    movaps [edi], xmm0
    rol eax, 1
    add eax, [edi]
    xor eax, [edi+12]
    add edi, 16
    sub esi, SIDE*4
    sub ebx, SIDE*SIDE*4-16
    cmp ebx, B+SIDE*4
    jb columns
    add esi, SIDE*4
    cmp esi, B
    jb row
    dec ebp
    jnz round
    finish
