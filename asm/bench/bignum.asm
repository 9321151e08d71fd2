; Additions of 4096-bit numbers with carries.
include 'kernel.inc'
default_rounds 20000
A = BUFFER
B = BUFFER+4096

    mov ecx, 128
    mov eax, 77777
fill:
    imul eax, eax, 69069
    inc eax
    mov [A+ecx*4-4], eax
    rol eax, 7
    mov [B+ecx*4-4], eax
    dec ecx
    jnz fill
    mov ebp, N
round:
    mov esi, A
    mov edi, B
    mov ecx, 128
    clc
digit:
    mov eax, [esi]
    adc eax, [edi]
    mov [edi], eax
    lea esi, [esi+4]
    lea edi, [edi+4]
    dec ecx
    jnz digit
    dec ebp
    jnz round
    mov eax, [B+256]
    finish
