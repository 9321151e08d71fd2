/** Sources for the assembler's measurements, generated so that they are the same everywhere. */

const MACROS = `
macro proc name,[arg] { common name: label name#.body
 local offset
 offset = 8
 forward virtual at ebp+offset
 arg dd ?
 end virtual
 offset = offset+4
 common push ebp
 mov ebp,esp }
macro endp { leave
 ret }
macro stdcall target,[arg] { reverse push arg
 common call target }
macro struct name { macro ends \\{ ends@struct name \\}
 fields@struct equ name
 define@struct equ
 virtual at 0 }
macro ends@struct name { sizeof.\\#name = $
 end virtual
 restore fields@struct }
macro report level,[text] { common if level >= LEVEL
 forward local ..text,..end
 match =0,DEBUG \\{ \\}
 match =1,DEBUG \\{ push ..text
 call print
 jmp ..end
 ..text db text,0
 ..end: \\}
 common end if }
macro enum first,[name] { common local n
 n = first
 forward name = n
 n = n+1 }
macro swapped value { local a,b
 virtual at 0
 dd value
 load a dword from 0
 end virtual
 b = (a shr 24) or ((a shr 8) and 0FF00h) or ((a shl 8) and 0FF0000h) or ((a and 0FFh) shl 24)
 dd b }
struc POINT { .x dd ?
 .y dd ? }
virtual at 0
 POINT POINT
end virtual
`;

/** Several hundred thousand lines once its macros are expanded, in many files and at least five passes. */
export function kernelSized(parts = 60, procedures = 60): Record<string, string> {
  const files: Record<string, string> = { "macros.inc": MACROS };
  const all = parts * procedures;
  let main = "use32\norg 80000000h\nLEVEL = 2\nDEBUG equ 1\ninclude 'macros.inc'\njmp start\n";
  // Each of these is known one pass after the next.
  for (let link = 0; link < 5; link++) main += `chain${link} = chain${link + 1} + 1\ndb chain${link}\n`;
  for (let part = 0; part < parts; part++) {
    const name = `part${part}/code.inc`;
    main += `include '${name}'\n`;
    let text = `; part ${part}\nenum ${part},${names(`e${part}_`, 8)}\n`;
    for (let n = part * procedures; n < (part + 1) * procedures; n++) text += kernelProcedure(n, all);
    files[name] = text;
  }
  main += "print: ret\nchain5 = 1\nstart:\n";
  for (let part = 0; part < parts; part++) main += ` cmp eax,e${part}_3\n jz f${part * procedures}\n`;
  files["kernel.asm"] = `${main}end_of_code:\ntimes 512-($ mod 512) db 0\n`;
  return files;
}

const names = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, n) => prefix + n).join(",");

function kernelProcedure(n: number, all: number): string {
  return `
;------------------------------------------------------------
; procedure ${n}
;------------------------------------------------------------
align 4
proc f${n},a${n},b${n},c${n}
        mov     eax, [a${n}]            ; first
        add     eax, [b${n}]
        imul    ecx, eax, ${n % 200}
        mov     [edi+POINT.y], ecx
        report  ${n % 4},'procedure ${n}',13
        cmp     eax, limit${n}
        jbe     .small
        stdcall f${(n * 7 + 11) % all},eax,[c${n}],table${n}+${n % 8}*4
.small:
        test    byte [table${n}+2], 1 shl ${n % 8}
        jnz     .out
        lea     esi, [eax*4+table${n}]
 if limit${n} > ${all}
        rep     movsd
 else
        movzx   edx, word [esi]
 end if
        report  1,'left'
 irp register, eax,ebx,ecx,edx,esi,edi {
        xor     register, register }
 rept 8 k \\{
        mov     [table${n}+k*4], eax \\}
        swapped ${n}*3+1
 match a b,x y \\{
        inc     eax \\}
.out:
        endp
table${n} dd f${n},limit${n},${n}*4+1,0x${n.toString(16)}
 repeat 6
        dw      % + ${n}
 end repeat
        db      'entry ${n}',13,10,0
limit${n} = ${n}*2
`
    .replaceAll("\\{", "{")
    .replaceAll("\\}", "}");
}

/** No macros: instructions, data, jumps that need several passes. */
export function plain(procedures = 8000): string {
  let text = "use32\norg 0\n";
  for (let n = 0; n < procedures; n++) {
    text += `f${n}:
        push    ebp
        mov     ebp, esp
        mov     eax, [ebp+8]            ; first
        add     eax, [count${n}]
        imul    ecx, eax, ${n % 200}
        mov     [edi+${n % 300}], ecx
        cmp     eax, limit${n}
        jbe     .small
        push    eax
        push    dword [table${n}]
        call    f${(n * 7 + 11) % procedures}
.small:
        test    byte [table${n}+2], 1 shl ${n % 8}
        jnz     .out
        lea     esi, [eax*4+table${n}]
        movzx   edx, word [esi]
        rep     movsd
.out:
        leave
        ret
table${n} dd f${n},limit${n},${n}*4+1,0x${n.toString(16)}
count${n} dd ?
        db      'entry ${n}',13,10,0
limit${n} = ${n}*2
`;
  }
  return text;
}

/** Small programs, each assembled by itself. */
export function manySmall(count: number): Record<string, string> {
  const files: Record<string, string> = {};
  for (let n = 0; n < count; n++) files[`small${n}.asm`] = `${plain(3)}times ${n} db 0\n`;
  return files;
}
