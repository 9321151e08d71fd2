; Pixels of four bytes blended by their weight, one at a time with MMX, then four at a time with SSE2.
include 'kernel.inc'
default_rounds 1000
PIXELS = 4096
SOURCE = BUFFER
TARGET = SOURCE+PIXELS*4

    mov edi, SOURCE
    mov ecx, PIXELS*2
    mov eax, 12345
fill:
    imul eax, eax, 1103515245
    add eax, 12345
    mov edx, eax
    shr edx, 3
    mov [edi], edx
    add edi, 4
    dec ecx
    jnz fill

    xor eax, eax
    mov ebp, N
    pxor mm7, mm7
    pxor xmm7, xmm7
round:
    ; Weights of 7 bits, so that a product of a difference fits into a word.
    mov edx, ebp
    and edx, 127
    movd mm6, edx
    pshufw mm6, mm6, 0
    movq2dq xmm6, mm6
    punpcklqdq xmm6, xmm6

    mov esi, SOURCE
    mov edi, TARGET
    mov ecx, PIXELS/2
with_mmx:
    movd mm0, [esi]
    movd mm1, [edi]
    punpcklbw mm0, mm7
    punpcklbw mm1, mm7
    psubw mm0, mm1
    pmullw mm0, mm6
    psraw mm0, 7
    paddw mm1, mm0
    packuswb mm1, mm1
    movd [edi], mm1
    add esi, 4
    add edi, 4
    dec ecx
    jnz with_mmx

    mov ecx, PIXELS/8
with_sse:
    movdqu xmm0, [esi]
    movdqa xmm1, [edi]
    movdqa xmm2, xmm0
    movdqa xmm3, xmm1
    punpcklbw xmm0, xmm7
    punpcklbw xmm1, xmm7
    punpckhbw xmm2, xmm7
    punpckhbw xmm3, xmm7
    psubw xmm0, xmm1
    psubw xmm2, xmm3
    pmullw xmm0, xmm6
    pmullw xmm2, xmm6
    psraw xmm0, 7
    psraw xmm2, 7
    paddw xmm1, xmm0
    paddw xmm3, xmm2
    packuswb xmm1, xmm3
    movdqa [edi], xmm1
    psadbw xmm1, xmm7
    movd edx, xmm1
    rol eax, 1
    add eax, edx
    add esi, 16
    add edi, 16
    dec ecx
    jnz with_sse
    xor eax, [TARGET]
    dec ebp
    jnz round
    emms
    finish
