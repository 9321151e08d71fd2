; Fetches a page with nothing but its name: asks DHCP for an address, DNS for the server's, and the server for the page.
; What each of them says is shown on the debug board.
;
; Command line: NAME /PATH, for example   www.lab /

include 'include/program.inc'

program start

include 'include/debug-board.inc'
include 'include/text.inc'
include 'include/network.inc'
include 'include/dhcp.inc'
include 'include/dns.inc'

start:
    mov esi, [program_command_line]
    call skip_spaces
    mov [name], esi
  .name:
    lodsb
    cmp al, ' '
    ja .name
    jne .usage
    call skip_spaces
    mov [path], esi

    call dhcp_configure
    jc .no_address
    print 'My address is '
    mov eax, dword [dhcp_answer + 16]
    call print_address
    print 13, 10

    mov eax, [dhcp_dns]
    mov esi, [name]
    call dns_resolve
    jc .no_name
    mov [server.address], eax
    print 'The server is '
    call print_address
    print 13, 10

    mov ebx, STREAM
    call open_socket
    jc .no_connection
    mov eax, NET_CONNECT
    mov ecx, server
    call at_place
    jc .no_connection

    mov edi, buffer
    put 'GET '
    mov esi, [path]
    call copy_word
    put ' HTTP/1.0', 13, 10, 'Host: '
    mov esi, [name]
    call copy_word
    put 13, 10, 13, 10
    mov eax, NET_SEND
    mov ecx, buffer
    mov edx, edi
    sub edx, ecx
    int 0x40

  .receive:
    mov eax, NET_RECEIVE
    mov ecx, buffer
    mov edx, BUFFER
    int 0x40
    test eax, eax
    jle .close                  ; 0: the server has said everything
    mov esi, ecx
    mov ecx, eax
  .show:
    lodsb
    call print_character
    loop .show
    jmp .receive
  .close:
    call close
    exit

  .usage:
    print 'Command line: NAME /PATH', 13, 10
    exit
  .no_address:
    print 'Nobody gave an address.', 13, 10
    exit
  .no_name:
    print 'The name has no address.', 13, 10
    exit
  .no_connection:
    print 'The server does not answer.', 13, 10
    exit

; print_address: EAX = address. Keeps every register
print_address:
    push eax ecx
    mov ecx, 4
  .part:
    push eax
    movzx eax, al
    call print_number
    cmp ecx, 1
    je .last
    mov al, '.'
    call print_character
  .last:
    pop eax
    shr eax, 8
    loop .part
    pop ecx eax
    ret

; copy_word: ESI = text, up to a zero or a space. EDI = behind its copy
copy_word:
    lodsb
    cmp al, ' '
    jbe .exit
    stosb
    jmp copy_word
  .exit:
    ret

BUFFER = 4096

place server, 80
name   dd 0
path   dd 0
buffer rb BUFFER

end_program
