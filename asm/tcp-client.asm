; A TCP client with the guide's sockets: connects, sends one line, and shows on the debug board what
; comes back until the other side closes.
;
; Command line: ADDRESS PORT [LINE], for example   10.0.2.2 80 GET / HTTP/1.0
; An empty line follows the line, which is what an HTTP server waits for.

include 'include/program.inc'

SEND_SIZE     = 4096            ; bytes
RECEIVE_SIZE  = 4096
TIMEOUT       = 5000            ; milliseconds for each attempt to connect
ATTEMPTS      = 3

program start

include 'include/debug-board.inc'
include 'include/text.inc'
include 'guide/guide.inc'

start:
    mov esi, [program_command_line]
    call take_address
    jc .usage
    mov [address], eax
    call skip_spaces
    call take_number
    jc .usage
    mov [port], eax
    call skip_spaces
    mov [line], esi

    call init_socket_manager
    test eax, eax
    jz .no_memory

    ; The guide's printed routines take their parameters as C does: the first one is pushed last,
    ; and the caller takes them off the stack.
    push RECEIVE_SIZE
    push SEND_SIZE
    push IPPROTO_TCP
    push SOCK_STREAM
    push AF_INET
    call create_advanced_socket
    add esp, 20
    test eax, eax
    jz .no_socket
    mov ebx, eax                ; its socket_info, or 0
    mov [socket], eax

    push ATTEMPTS
    push TIMEOUT
    push [port]
    push [address]
    push ebx
    call tcp_connect_advanced
    add esp, 20
    test eax, eax
    jz .no_connection

    ; Send the line and an empty one
    mov ebx, [socket]
    mov esi, [line]
    mov edi, [ebx + socket_info.send_buffer]
    mov ecx, SEND_SIZE - 4      ; more than that is cut off
  .copy:
    lodsb
    test al, al
    jz .copied
    stosb
    loop .copy
  .copied:
    put 13, 10, 13, 10
    mov ebx, [socket]
    mov esi, [ebx + socket_info.send_buffer]
  .send:
    mov edx, edi
    sub edx, esi                ; bytes left
    jz .receive
    mov eax, NET_SEND
    mov ecx, esi
    push ebx
    mov ebx, [ebx + socket_info.socket_fd]
    int 0x40                    ; EAX = bytes taken, perhaps fewer
    pop ebx
    test eax, eax
    js .broken
    add [ebx + socket_info.bytes_sent], eax
    add esi, eax
    jmp .send

    ; Show what comes
  .receive:
    mov eax, NET_RECEIVE
    mov ecx, [ebx + socket_info.recv_buffer]
    mov edx, [ebx + socket_info.recv_buf_size]
    push ebx
    mov ebx, [ebx + socket_info.socket_fd]
    int 0x40                    ; EAX = bytes; 0 = the other side has closed
    pop ebx
    test eax, eax
    js .broken
    jz .close
    add [ebx + socket_info.bytes_received], eax
    mov esi, [ebx + socket_info.recv_buffer]
    mov ecx, eax
  .show:
    lodsb
    call print_character
    loop .show
    jmp .receive

  .broken:
    print 'The connection broke.', 13, 10
  .close:
    mov ebx, [socket]
    mov eax, [ebx + socket_info.socket_fd]
    call close_socket
    exit

  .usage:
    print 'Command line: ADDRESS PORT [LINE]', 13, 10
    exit
  .no_memory:
    print 'There is not enough memory.', 13, 10
    exit
  .no_socket:
    print 'No socket could be opened.', 13, 10
    exit
  .no_connection:
    print 'No connection.', 13, 10
    jmp .close

; take_address: ESI = text like 10.0.2.2. EAX = the address in network order: its first number lies in
; the lowest byte; ESI = behind it. Carry flag set = no address
take_address:
    push ebx ecx edx
    call skip_spaces
    xor ebx, ebx
    mov ecx, 4
  .part:
    call take_number
    jc .exit
    cmp eax, 256
    cmc
    jc .exit
    shl eax, 24
    shr ebx, 8
    or ebx, eax
    cmp ecx, 1
    je .whole
    lodsb
    cmp al, '.'
    stc
    jne .exit
  .whole:
    loop .part
    mov eax, ebx
    clc
  .exit:
    pop edx ecx ebx
    ret

address dd 0
port    dd 0
line    dd 0
socket  dd 0

end_program
