; Echo over IPv6, both ends of it.
;
; Without a command line it is the server: what comes to port 7, where RFC 862 puts the echo service,
; goes back, one connection after the other. It is bound to ::, which takes IPv4 connections too; their
; addresses are then told as ::ffff:a.b.c.d.
; With one it is the client: ADDRESS TEXT, for example   fd00::15 Hello

include 'include/program.inc'

NET_OPEN     = 75
NET_CLOSE    = 76
NET_BIND     = 77
NET_LISTEN   = 78
NET_CONNECT  = 79
NET_ACCEPT   = 80
NET_SEND     = 81
NET_RECEIVE  = 82
SOCK_STREAM  = 1
IPPROTO_TCP  = 6
AF_INET6     = 10
ECHO_PORT    = 7

program start

include 'include/debug-board.inc'
include 'include/text.inc'
include 'include/address6.inc'

start:
    mov eax, NET_OPEN
    mov ebx, SOCK_STREAM
    mov ecx, IPPROTO_TCP
    int 0x40                    ; EAX = socket; its family is told by the first address
    test eax, eax
    js .failed
    mov [socket], eax
    mov esi, [program_command_line]
    call skip_spaces
    cmp byte [esi], 0
    je server

; --- the client -----------------------------------------------------------------------------------

    mov edi, peer.sin6_addr
    call take_address6
    jc .usage
    call skip_spaces
    mov [text], esi
    mov edi, esi
    mov ecx, -1
    xor al, al
    repne scasb
    not ecx
    dec ecx
    mov [left], ecx

    mov eax, NET_CONNECT
    mov ebx, [socket]
    mov ecx, peer
    mov edx, sizeof.sockaddr_in6
    int 0x40
    test eax, eax
    js .failed
    mov esi, [text]
    mov ecx, [left]
    mov ebx, [socket]
    call send_all
    jc .failed
  .receive:
    cmp [left], 0
    je .close
    mov eax, NET_RECEIVE
    mov ebx, [socket]
    mov ecx, buffer
    mov edx, BUFFER
    int 0x40
    test eax, eax
    jle .failed                 ; 0: closed before all came back
    sub [left], eax
    mov esi, buffer
    mov ecx, eax
  .show:
    lodsb
    call print_character
    loop .show
    jmp .receive
  .close:
    print 13, 10
    push [socket]
    call close
    exit

  .usage:
    print 'Command line: nothing for the server, ADDRESS TEXT for the client', 13, 10
    exit
  .failed:
    print 'No connection.', 13, 10
    exit

; --- the server -----------------------------------------------------------------------------------

server:
    mov eax, NET_BIND
    mov ebx, [socket]
    mov ecx, any
    mov edx, sizeof.sockaddr_in6
    int 0x40
    test eax, eax
    js start.failed
    mov eax, NET_LISTEN
    mov ebx, [socket]
    mov ecx, 5
    int 0x40
    test eax, eax
    js start.failed
    print 'Echoing on port 7', 13, 10
  .accept:
    mov eax, NET_ACCEPT
    mov ebx, [socket]
    mov ecx, peer
    mov edx, sizeof.sockaddr_in6
    int 0x40                    ; EAX = the connection's socket
    test eax, eax
    js start.failed
    mov [connection], eax
  .receive:
    mov eax, NET_RECEIVE
    mov ebx, [connection]
    mov ecx, buffer
    mov edx, BUFFER
    int 0x40
    test eax, eax
    jle .close                  ; 0: the other side has finished
    mov esi, buffer
    mov ecx, eax
    mov ebx, [connection]
    call send_all
    jnc .receive
  .close:
    push [connection]
    call close
    jmp .accept

; send_all: EBX = socket, ESI = bytes, ECX = how many. Carry flag set = the connection broke
send_all:
    jecxz .sent
    push ecx
    mov eax, NET_SEND
    mov edx, ecx
    mov ecx, esi
    int 0x40                    ; EAX = bytes taken, perhaps fewer
    pop ecx
    test eax, eax
    js .broken
    add esi, eax
    sub ecx, eax
    jmp send_all
  .sent:
    clc
    ret
  .broken:
    stc
    ret

; close(socket)
close:
    push dword [esp + 4]
    mov eax, NET_CLOSE
    mov ebx, [esp]              ; any value that is no interface function
    int 0x40
    add esp, 4
    ret 4

; sockaddr_in6 (RFC 3493, section 3.3): 28 bytes
sizeof.sockaddr_in6 = 28

any:
    dw AF_INET6
    dw ECHO_PORT shl 8          ; network order
    dd 0                        ; flow label
    dd 0, 0, 0, 0               ; ::
    dd 0                        ; number of the interface for a link-local address, 0 = the first

peer:
    dw AF_INET6
    dw ECHO_PORT shl 8
    dd 0
  .sin6_addr rb 16
    dd 0

socket      dd 0
connection  dd 0
text        dd 0
left        dd 0

BUFFER = 4096
buffer rb BUFFER

end_program
