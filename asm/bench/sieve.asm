; Eratosthenes over two million bytes, N times.
include 'kernel.inc'
default_rounds 2
LIMIT = 2000000

    mov ebp, N
round:
    mov edi, BUFFER
    mov ecx, LIMIT/4
    xor eax, eax
    rep stosd
    mov esi, BUFFER
    xor edx, edx            ; primes
    mov ebx, 2
candidate:
    cmp byte [esi+ebx], 0
    jne next
    inc edx
    mov eax, ebx
    add eax, ebx
    jmp check
strike:
    mov byte [esi+eax], 1
    add eax, ebx
check:
    cmp eax, LIMIT
    jb strike
next:
    inc ebx
    cmp ebx, LIMIT
    jb candidate
    dec ebp
    jnz round
    mov eax, edx
    finish
