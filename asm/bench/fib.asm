; Recursive Fibonacci numbers: calls, returns, pushes, pops.
include 'kernel.inc'
default_rounds 30

    mov eax, N
    call fib
    finish
fib:
    cmp eax, 1
    jbe done
    push ebx
    mov ebx, eax
    lea eax, [ebx-1]
    call fib
    push eax
    lea eax, [ebx-2]
    call fib
    pop ebx
    add eax, ebx
    pop ebx
done:
    ret
