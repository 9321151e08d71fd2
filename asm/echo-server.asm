; An echo server with the guide's TCP server: whatever a client sends comes back.
;
; It listens on port 7, where RFC 862 puts the echo service, or on the port in the command line.

include 'include/program.inc'

ECHO_PORT    = 7
MAX_CLIENTS  = 100

program start

include 'include/debug-board.inc'
include 'include/text.inc'
include 'guide/guide.inc'

start:
    mov esi, [program_command_line]
    call skip_spaces
    call take_number
    jnc .port_known
    mov eax, ECHO_PORT
  .port_known:
    mov edi, eax

    call init_socket_manager
    test eax, eax
    jz .failed

    ; The guide's printed routines take their parameters as C does: the first one is pushed last,
    ; and the caller takes them off the stack.
    push echo
    push MAX_CLIENTS
    push edi
    push 0                      ; any of this computer's addresses
    call create_tcp_server
    add esp, 16
    test eax, eax
    jz .failed

    print 'Echoing on port '
    mov eax, edi
    call print_number
    print 13, 10

    call tcp_server_event_loop  ; until somebody sets tcp_server.is_running to 0
    exit

  .failed:
    print 'The server could not be started.', 13, 10
    exit

; The event handler: echo(client, event). Handlers take their parameters off themselves, because the
; guide's server calls them so.
echo:
    push ebp
    mov ebp, esp
    push ebx esi edi
    mov esi, [ebp + 12]         ; client: pushed first
    mov eax, [ebp + 8]          ; event
    cmp eax, EVENT_RECEIVED
    je .send
    cmp eax, EVENT_DRAINED
    je .send
  .exit:
    pop edi esi ebx
    pop ebp
    ret 8

  .send:
    mov ecx, [esi + client_connection.socket_info.recv_buf_used]
    jecxz .exit
    mov edi, ecx
    push ecx                    ; length
    push [esi + client_connection.socket_info.recv_buffer]
    push esi
    call send_to_client         ; EAX = length, or 0 when there is no room for it now
    add esp, 12
    test eax, eax
    jz .later
    mov [esi + client_connection.socket_info.recv_buf_used], 0
    mov [esi + client_connection.bytes_pending], 0
    jmp .exit
  .later:
    mov [esi + client_connection.bytes_pending], edi    ; call again when all is sent
    jmp .exit

end_program
