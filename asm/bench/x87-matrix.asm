; Products of matrices of doubles on the x87: quotients that 53 bits cannot hold, so that nothing is exact by luck.
include 'kernel.inc'
default_rounds 40
SIDE = 24
A = BUFFER
B = A+SIDE*SIDE*8
C = B+SIDE*SIDE*8

    finit
    mov edi, A
    mov ecx, SIDE*SIDE*2
    mov eax, 12345
fill:
    imul eax, eax, 1103515245
    add eax, 12345
    push eax
    fild dword [esp]
    mov edx, eax
    shr edx, 7
    or edx, 1
    mov [esp], edx
    fidiv dword [esp]
    pop edx
    fstp qword [edi]
    add edi, 8
    dec ecx
    jnz fill

    xor eax, eax
    mov ebp, N
round:
    mov edi, C
    mov esi, A
row:
    mov ebx, B
column:
    fldz
    mov ecx, SIDE
term:
    fld qword [esi]
    fmul qword [ebx]
    faddp st1, st0
    add esi, 8
    add ebx, SIDE*8
    dec ecx
    jnz term
    fstp qword [edi]
    rol eax, 1
    add eax, [edi]
    add edi, 8
    sub esi, SIDE*8
    sub ebx, SIDE*SIDE*8-8
    cmp ebx, B+SIDE*8
    jb column
    add esi, SIDE*8
    cmp esi, B
    jb row
    dec ebp
    jnz round
    finish
