; The smallest program that can be seen working: a line on the debug board.

include 'include/program.inc'

program start

include 'include/debug-board.inc'

start:
    print 'Hello from KolibriOS', 13, 10
    exit

end_program
