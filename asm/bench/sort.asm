; Quicksort of 200000 pseudo-random numbers, N times.
include 'kernel.inc'
default_rounds 1
COUNT = 200000

    mov ebp, N
round:
    mov ecx, COUNT
    mov edi, BUFFER
    mov eax, ebp
fill:
    imul eax, eax, 1103515245
    add eax, 12345
    mov [edi], eax
    add edi, 4
    dec ecx
    jnz fill
    push dword BUFFER+4*(COUNT-1)
    push dword BUFFER
    call quicksort
    dec ebp
    jnz round
    mov eax, [BUFFER+4*1000]
    finish

quicksort:                  ; first, last on the stack, taken off by ret
    push esi
    push edi
    mov esi, [esp+12]
    mov edi, [esp+16]
again:
    cmp esi, edi
    jae done
    mov eax, esi
    add eax, edi
    shr eax, 1
    and eax, -4
    mov edx, [eax]          ; pivot
    mov ebx, esi
    mov ecx, edi
partition:
    cmp [ebx], edx
    jae right
    add ebx, 4
    jmp partition
right:
    cmp [ecx], edx
    jbe exchange
    sub ecx, 4
    jmp right
exchange:
    cmp ebx, ecx
    ja split
    mov eax, [ebx]
    xchg eax, [ecx]
    mov [ebx], eax
    add ebx, 4
    sub ecx, 4
    cmp ebx, ecx
    jbe partition
split:
    push ebx
    push ecx
    push esi
    call quicksort
    pop esi
    jmp again
done:
    pop edi
    pop esi
    ret 8
