; SHA-256 of blocks that are never padded: N compressions of one block in place.
include 'kernel.inc'
default_rounds 3000
W = BUFFER
STATE = BUFFER+0x400

macro rotate reg, count { ror reg, count }

    mov edi, STATE
    mov esi, initial
    mov ecx, 8
    rep movsd
    mov edi, W
    mov eax, 0x61626380
    mov ecx, 16
seed:
    mov [edi], eax
    add eax, 0x01010101
    add edi, 4
    dec ecx
    jnz seed
    mov dword [rounds], N
block:
    mov ecx, 16
schedule:
    mov eax, [W+ecx*4-60]
    mov edx, eax
    mov ebx, eax
    rotate eax, 7
    rotate edx, 18
    shr ebx, 3
    xor eax, edx
    xor eax, ebx
    mov esi, [W+ecx*4-8]
    mov edx, esi
    mov ebx, esi
    rotate esi, 17
    rotate edx, 19
    shr ebx, 10
    xor esi, edx
    xor esi, ebx
    add eax, esi
    add eax, [W+ecx*4-64]
    add eax, [W+ecx*4-28]
    mov [W+ecx*4], eax
    inc ecx
    cmp ecx, 64
    jb schedule
    ; a … h live at va … vh
    mov esi, STATE
    mov edi, va
    mov ecx, 8
    rep movsd
    xor ecx, ecx
round:
    mov eax, [ve]
    mov edx, eax
    mov ebx, eax
    rotate edx, 6
    rotate ebx, 11
    xor edx, ebx
    rotate ebx, 14
    xor edx, ebx            ; S1
    mov ebx, eax
    and ebx, [vf]
    not eax
    and eax, [vg]
    xor eax, ebx            ; choice
    add edx, eax
    add edx, [vh]
    add edx, [k+ecx*4]
    add edx, [W+ecx*4]      ; t1
    mov eax, [va]
    mov ebx, eax
    mov esi, eax
    rotate ebx, 2
    rotate esi, 13
    xor ebx, esi
    rotate esi, 9
    xor ebx, esi            ; S0
    mov esi, eax
    and eax, [vb]
    mov edi, [vb]
    or edi, esi
    and edi, [vc]
    or eax, edi             ; majority
    add ebx, eax            ; t2
    mov eax, [vg]
    mov [vh], eax
    mov eax, [vf]
    mov [vg], eax
    mov eax, [ve]
    mov [vf], eax
    mov eax, [vd]
    add eax, edx
    mov [ve], eax
    mov eax, [vc]
    mov [vd], eax
    mov eax, [vb]
    mov [vc], eax
    mov eax, [va]
    mov [vb], eax
    add edx, ebx
    mov [va], edx
    inc ecx
    cmp ecx, 64
    jb round
    xor ecx, ecx
sum:
    mov eax, [va+ecx*4]
    add [STATE+ecx*4], eax
    inc ecx
    cmp ecx, 8
    jb sum
    dec dword [rounds]
    jnz block
    mov eax, [STATE]
    finish
    align 4
initial dd 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
k:
    dd 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
    dd 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
    dd 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
    dd 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
    dd 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
    dd 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
    dd 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
    dd 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
VARIABLES = BUFFER+0x800
va = VARIABLES+0
vb = VARIABLES+4
vc = VARIABLES+8
vd = VARIABLES+12
ve = VARIABLES+16
vf = VARIABLES+20
vg = VARIABLES+24
vh = VARIABLES+28
rounds = VARIABLES+64
