; The guide's listings as a program of their own: nothing but its routines, to be called one by one.

include '../include/program.inc'

program start

start:
    exit

include 'guide.inc'

end_program
