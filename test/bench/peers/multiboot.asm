; What v86 boots: a multiboot image that puts `kernel.bin` where the kernels of asm/bench live, tells port BEGUN,
; and runs it flat, without paging, interrupts off. int 0x40 comes through a gate: 3 in eax is answered, anything
; else goes to port ENDED, and that is the end.

BEGUN = 0x500
ENDED   = 0x504
HERE  = 0x2000000

use32
org HERE
header:
    dd 0x1badb002, 0x10000, -(0x1badb002+0x10000)
    dd header, header, finish, 0, begin

begin:
    cli
    lgdt fword [table]
    jmp 8:flat
flat:
    mov eax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    lidt fword [gates]
    mov eax, cr0            ; the x87 is there
    and eax, not 0xc
    or eax, 2
    mov cr0, eax
    mov eax, cr4            ; so is SSE
    or eax, 0x600
    mov cr4, eax
    mov esi, kernel
    mov edi, 0x1000
    mov ecx, (finish-kernel+3)/4
    rep movsd
    mov esp, 0x1000000
    mov dx, BEGUN
    out dx, eax
    jmp 8:0x1000

call_:
    cmp eax, 3
    je answered
    mov dx, ENDED
    out dx, eax
    hlt
answered:
    iret

    align 8
table dw 23
    dd descriptors
    align 8
descriptors:
    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gates dw 0x41*8-1
    dd vectors
    align 8
vectors:
    times 0x40 dq 0
    dw call_ and 0xffff, 8, 0x8e00, call_ shr 16
kernel:
    file 'kernel.bin'
finish:
