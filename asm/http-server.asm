; The guide's TCP server with an event handler that speaks HTTP/1.1: open it in a browser.
;
; It listens on port 80, or on the port in the command line. The accepting, receiving and sending is
; done by the guide's own routines (create_tcp_server, tcp_server_event_loop, send_to_client); here
; stands what they leave to the program: what to do when something was received.

include 'include/program.inc'

HTTP_PORT    = 80
MAX_CLIENTS  = 256              ; connections at the same time; further ones are closed at once
BACKLOG      = 128              ; connections that may wait to be accepted

program start

include 'include/debug-board.inc'
include 'include/text.inc'
include 'include/http-request.inc'
include 'guide/guide.inc'

start:
    mov esi, [program_command_line]
    call skip_spaces
    call take_number
    jnc .port_known
    mov eax, HTTP_PORT
  .port_known:
    mov edi, eax

    mov eax, 3                  ; seconds
    int 0x40
    mov [started], eax

    call init_socket_manager
    test eax, eax
    jz .failed

    mov [tcp_server_config.backlog], BACKLOG

    ; The guide's printed routines take their parameters as C does: the first one is pushed last,
    ; and the caller takes them off the stack.
    push handle_event
    push MAX_CLIENTS
    push edi
    push 0                      ; any of this computer's addresses
    call create_tcp_server
    add esp, 16
    test eax, eax
    jz .failed

    print 'Listening on port '
    mov eax, edi
    call print_number
    print 13, 10

    call tcp_server_event_loop  ; until somebody sets tcp_server.is_running to 0
    exit

  .failed:
    print 'The server could not be started.', 13, 10
    exit

; The event handler: handle_event(client, event). Handlers take their parameters off themselves,
; because the guide's server calls them so.
handle_event:
    push ebp
    mov ebp, esp
    push ebx esi edi
    mov ebx, [ebp + 12]         ; client: pushed first
    mov eax, [ebp + 8]          ; event
    cmp eax, EVENT_CONNECTED
    je .connected
    cmp eax, EVENT_RECEIVED
    je .received
    cmp eax, EVENT_DRAINED      ; there is room again for the answers that had to wait
    jne .exit
  .received:
    call answer_requests
  .exit:
    pop edi esi ebx
    pop ebp
    ret 8

  .connected:                   ; the guide accepts one connection in a turn of its loop: accept the next
    call check_new_connections  ; one as well, and so on, until nobody waits or all slots are taken
    jmp .exit

; answer_requests: EBX = client. Answers all requests that are complete in its receive buffer.
; They may come in pieces, or many at once. What waits for more bytes, or for room to answer, stays.
; user_data of the client counts the bytes of a request's body that are still to be passed over.
answer_requests:
    mov [ebx + client_connection.bytes_pending], 0
    cmp [ebx + client_connection.state], CLIENT_OPEN
    jne .ignore                 ; this connection has had its last answer

  .pass_over_body:
    mov ecx, [ebx + client_connection.socket_info.recv_buf_used]
    cmp ecx, [ebx + client_connection.user_data]
    jbe .this_much
    mov ecx, [ebx + client_connection.user_data]
  .this_much:
    sub [ebx + client_connection.user_data], ecx
    call drop_received

  .pass_over_empty_lines:       ; before a request they mean nothing (RFC 9112, section 2.2)
    mov esi, [ebx + client_connection.socket_info.recv_buffer]
    mov edx, [ebx + client_connection.socket_info.recv_buf_used]
    xor ecx, ecx
  .empty_line:
    cmp ecx, edx
    je .drop_lines
    cmp byte [esi + ecx], 13
    je .end_of_line
    cmp byte [esi + ecx], 10
    jne .drop_lines
  .end_of_line:
    inc ecx
    jmp .empty_line
  .drop_lines:
    call drop_received

    mov ecx, [ebx + client_connection.socket_info.recv_buf_used]
    test ecx, ecx
    jz .exit
    mov esi, [ebx + client_connection.socket_info.recv_buffer]
    call http_find_head
    mov [head_length], eax
    test eax, eax
    jz .incomplete
    mov ecx, eax
    call http_parse

  .answer:                      ; EAX = status
    call compose_response       ; EDI = behind the response
    sub edi, response
    mov esi, ebx                ; the guide's routines keep ESI, but not EBX
    push edi                    ; length
    push response
    push esi
    call send_to_client         ; EAX = length, or 0 when there is no room for it now
    add esp, 12
    mov ebx, esi
    test eax, eax
    jz .no_room
    inc [requests]

    mov ecx, [head_length]
    call drop_received
    mov eax, [http_request.content_length]
    mov [ebx + client_connection.user_data], eax
    cmp [http_request.keep_alive], 0
    jne .pass_over_body

    ; The last answer on this connection. Is the client still sending?
    cmp [head_length], 0
    je .linger                  ; the head is too large
    cmp [http_request.has_coding], 0
    jne .linger                 ; a body of unknown length
    mov eax, [ebx + client_connection.socket_info.recv_buf_used]
    or eax, [ebx + client_connection.user_data]
    jnz .linger
    mov [ebx + client_connection.state], CLIENT_CLOSING
    cmp [ebx + client_connection.socket_info.send_buf_used], 0
    jne .exit                   ; closed when that is sent
    push ebx
    call disconnect_client
  .exit:
    ret

  .linger:
    mov esi, ebx
    call linger_client
  .ignore:
    mov ecx, [ebx + client_connection.socket_info.recv_buf_used]
    jmp drop_received

  .incomplete:                  ; wait for the rest, unless there is no room for it
    cmp ecx, [ebx + client_connection.socket_info.recv_buf_size]
    jb .exit
    mov [http_request.keep_alive], 0
    mov [http_request.head_only], 0
    mov [http_request.content_length], 0
    mov eax, HTTP_HEAD_TOO_LARGE
    jmp .answer

  .no_room:
    mov eax, [ebx + client_connection.socket_info.recv_buf_used]
    mov [ebx + client_connection.bytes_pending], eax
    ret

; drop_received: EBX = client, ECX = bytes to take off the beginning of its receive buffer.
; Changes ECX, ESI and EDI
drop_received:
    jecxz .exit
    mov edi, [ebx + client_connection.socket_info.recv_buffer]
    lea esi, [edi + ecx]
    sub [ebx + client_connection.socket_info.recv_buf_used], ecx
    mov ecx, [ebx + client_connection.socket_info.recv_buf_used]
    rep movsb
  .exit:
    ret

; compose_response: EAX = status. Writes the response into the buffer of that name; EDI = behind it.
; The body comes first, elsewhere, because its length stands in the head. Keeps EBX
compose_response:
    mov [status], eax
    mov edi, body
    cmp eax, HTTP_OK
    jne .message
    call is_front_page
    je .page
    mov [status], HTTP_NOT_FOUND
  .message:
    call write_message_page
    jmp .head
  .page:
    call write_front_page
  .head:
    mov eax, edi
    sub eax, body
    mov [body_length], eax

    mov edi, response
    put 'HTTP/1.1 '
    mov eax, [status]
    call put_number
    mov al, ' '
    stosb
    call put_reason
    put 13, 10, 'Server: KolibriOS', \
        13, 10, 'Content-Type: text/html; charset=utf-8', \
        13, 10, 'Content-Length: '
    mov eax, [body_length]
    call put_number
    put 13, 10, 'Cache-Control: no-store', \
        13, 10, 'Connection: '
    cmp [http_request.keep_alive], 0
    je .close
    put 'keep-alive'
    jmp .end_of_head
  .close:
    put 'close'
  .end_of_head:
    put 13, 10, 13, 10
    cmp [http_request.head_only], 0
    jne .exit                   ; HEAD: the same, without the body
    mov esi, body
    mov ecx, [body_length]
    rep movsb
  .exit:
    ret

; is_front_page: zero flag set = the path in http_request is / or /index.html
is_front_page:
    mov esi, [http_request.path]
    mov ecx, [http_request.path_length]
    cmp ecx, 1
    je .exit                    ; every path begins with /
    cmp ecx, .name_length
    jne .exit
    mov edi, .name
    repe cmpsb
    mov edi, body
  .exit:
    ret

  .name db '/index.html'
  .name_length = $ - .name

; put_reason: what [status] means
put_reason:
    mov esi, .table
  .look_up:
    lodsd
    cmp eax, [status]
    lodsd                       ; length of the text
    je .found
    add esi, eax
    jmp .look_up
  .found:
    mov ecx, eax
    rep movsb
    ret

  macro reason status, text
  {
    local ..begin, ..end
    dd status, ..end - ..begin
    ..begin db text
    ..end:
  }
  .table:
    reason HTTP_OK,                    'OK'
    reason HTTP_BAD_REQUEST,           'Bad Request'
    reason HTTP_NOT_FOUND,             'Not Found'
    reason HTTP_LENGTH_REQUIRED,       'Length Required'
    reason HTTP_HEAD_TOO_LARGE,        'Request Header Fields Too Large'
    reason HTTP_NOT_IMPLEMENTED,       'Not Implemented'
    reason HTTP_VERSION_NOT_SUPPORTED, 'HTTP Version Not Supported'

; write_page_begin: what stands at the beginning of every page
write_page_begin:
    put '<!DOCTYPE html>', 10, \
        '<html lang="en"><head><meta charset="utf-8">', 10, \
        '<meta name="viewport" content="width=device-width">', 10, \
        '<title>A TCP server in KolibriOS assembly</title>', 10, \
        '<style>body{font:16px/1.5 sans-serif;max-width:36em;margin:3em auto;padding:0 1em}', \
        'td{padding:.1em 1em .1em 0}td+td{text-align:right;font-variant-numeric:tabular-nums}</style>', \
        '</head><body>', 10
    ret

; write_message_page: the status in words
write_message_page:
    call write_page_begin
    put '<h1>'
    mov eax, [status]
    call put_number
    mov al, ' '
    stosb
    call put_reason
    put '</h1><p><a href="/">To the front page</a></p></body></html>', 10
    ret

; row 'name', value             ; a line of the table; value is what EAX can be loaded with
macro row name, value
{
    put '<tr><td>', name, '</td><td>'
    mov eax, value
    call put_number
    put '</td></tr>', 10
}

; write_front_page: what this is, and what the server has done so far
write_front_page:
    call write_page_begin
    put '<h1>Hello from KolibriOS assembly</h1>', 10, \
        '<p>This page was written by a program in assembly: the TCP server of a guide to network ', \
        'programming in KolibriOS. Its routines are assembled from the text as it is printed, with the ', \
        'known errors corrected, and run instruction for instruction on an x86 machine in software. ', \
        'Between that machine and your browser lie its own TCP/IP stack and network card.</p>', 10, \
        '<table>', 10
    mov edx, [tcp_server.statistics]
    mov [.statistics], edx
    row 'Connections accepted', [edx + server_statistics.connections_accepted]
    mov edx, [.statistics]
    row 'Connections closed', [edx + server_statistics.connections_closed]
    row 'Connections now', [tcp_server.client_count]
    mov edx, [.statistics]
    row 'Most at the same time', [edx + server_statistics.peak_clients]
    row 'Requests answered before this one', [requests]
    mov edx, [.statistics]
    row 'Bytes received', [edx + server_statistics.bytes_received]
    mov edx, [.statistics]
    row 'Bytes sent', [edx + server_statistics.bytes_sent]
    mov edx, [.statistics]
    row 'Errors', [edx + server_statistics.errors_count]
    mov eax, 3                  ; seconds
    int 0x40
    sub eax, [started]
    mov [.seconds], eax
    row 'Seconds since the start', [.seconds]
    put '</table></body></html>', 10
    ret

  .statistics dd ?
  .seconds    dd ?

started     dd ?                ; seconds, by the clock of function 3
requests    dd 0                ; answered
status      dd ?                ; of the response being written
head_length dd ?                ; bytes of the request being answered
body_length dd ?

; Behind the program's last byte: memory that takes no room in the file
body        rb 4096
response    rb 5120             ; less than a client's send buffer: an empty one takes it whole

end_program 65536               ; accepting takes 48 bytes of stack for each connection that waits
