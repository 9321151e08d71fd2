import { describe, expect, test } from "vitest";
import { beside, type Pair } from "../../../test/network/beside.ts";
import { bytesOf, latin1, SECOND } from "../../base/index.ts";
import type { Socket } from "../sockets.ts";
import { type FtpOptions, FtpServer } from "./ftp.ts";
import { newsOf, showNews } from "./news.ts";
import { type SmtpOptions, SmtpSink } from "./smtp.ts";
import { Tree } from "./tree.ts";

/** A connection on which somebody types. */
function dial(it: Pair, port: number) {
  const socket = it.a.sockets.stream();
  socket.options.noDelay = true;
  socket.connect(0x0a000202, port);
  it.run(() => socket.writable);
  return { socket, hear: () => hear(it, socket), say: (text: string) => say(it, socket, text) };
}

function hear(it: Pair, socket: Socket): string {
  it.settle();
  let text = "";
  const into = new Uint8Array(65536);
  for (let got = socket.receive(into); typeof got === "number" && got > 0; got = socket.receive(into)) {
    text += latin1(into.subarray(0, got));
    it.settle();
  }
  return text;
}

function say(it: Pair, socket: Socket, text: string): string {
  socket.send(bytesOf(text));
  return hear(it, socket);
}

describe("SMTP", () => {
  function mailing(options: Partial<SmtpOptions> = {}) {
    const { it, service } = beside((stack) => new SmtpSink({ stack, ...options }));
    return { it, service, ...dial(it, 25) };
  }

  test("a mail, as in RFC 5321 D.1", () => {
    const { hear, say, service } = mailing();
    expect(hear()).toBe("220 mail.lab SMTP ready\r\n");
    expect(say("EHLO bar.com\r\n")).toBe(
      "250-mail.lab greets 10.0.2.15\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
    );
    expect(say("MAIL FROM:<Smith@bar.com> SIZE=99\r\n")).toMatch(/^250 /);
    expect(say("RCPT TO:<Jones@foo.com>\r\nRCPT TO:<Green@foo.com>\r\nDATA\r\n")).toMatch(
      /^250.*\r\n250.*\r\n354 /,
    );
    expect(say("Subject: a\r\n\r\n..dot\r\nbare\n.\nnot the end\r\n")).toBe("");
    expect(say(".\r")).toBe("");
    expect(say("\nQUIT\r\n")).toMatch(/^250 .*\r\n221 /);
    expect(service.mails.entries).toMatchObject([
      { hello: "bar.com", sender: "Smith@bar.com", recipients: ["Jones@foo.com", "Green@foo.com"] },
    ]);
    expect(latin1(service.mails.last!.bytes)).toBe("Subject: a\r\n\r\n.dot\r\nbare\n.\nnot the end\r\n");
  });

  test.each([
    ["MAIL FROM:<a@b>", "503"],
    ["EHLO", "501"],
    ["HELO x\r\nMAIL FROM a@b", "501"],
    ["HELO x\r\nRCPT TO:<a@b>", "503"],
    ["HELO x\r\nMAIL FROM:<a> SIZE=101", "552"],
    ["HELO x\r\nMAIL FROM:<>\r\nMAIL FROM:<>", "503"],
    ["HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody>", "550"],
    ["HELO x\r\nMAIL FROM:<>\r\nDATA", "503"],
    ["HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nRSET\r\nDATA", "503"],
    ["XYZ", "500"],
    ["X".repeat(9000), "500"],
    [`HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\n${"x".repeat(120)}\r\n.`, "552"],
  ])("%j is answered %s", (text, code) => {
    const { hear, say, service } = mailing({ accepts: (name) => name !== "nobody", largest: 100 });
    hear();
    expect(say(`${text}\r\n`).split("\r\n").at(-2)!.slice(0, 3)).toBe(code);
    expect(service.mails.entries).toEqual([]);
    expect(say("NOOP\r\n")).toMatch(/^250 /);
  });

  test("who is silent is told and let go", () => {
    const { hear, it, service } = mailing({ idle: 5 * SECOND });
    hear();
    it.run(() => service.connections === 0, 60 * SECOND);
    expect(hear()).toMatch(/^421 /);
    expect(service.connections).toBe(0);
  });
});

describe("FTP", () => {
  function visiting(options: Partial<FtpOptions> = {}) {
    const pub = { "/pub/a.txt": "one\ntwo\n", "/b.bin": Uint8Array.of(0, 10, 13, 10, 255) };
    const files = new Tree(pub, 100_000);
    const { it, service } = beside((stack) => new FtpServer({ stack, files, ...options }));
    const control = dial(it, 21);
    control.hear();
    const enter = (): void => void control.say("USER me\r\nPASS secret\r\n");
    /** A passive data connection for what comes next. */
    const data = (): Socket => {
      const port = Number(/\|\|\|(\d+)\|/.exec(control.say("EPSV\r\n"))![1]);
      return dial(it, port).socket;
    };
    const get = (command: string): string => {
      const socket = data();
      const first = control.say(`${command}\r\n`);
      const text = hear(it, socket);
      socket.close();
      const codes = `${first}${control.hear()}`.match(/^\d{3}/gm)!;
      return `${codes.join(" ")} ${text}`;
    };
    const put = (command: string, text: string): string => {
      const socket = data();
      const first = control.say(`${command}\r\n`);
      say(it, socket, text);
      socket.close();
      return `${first}${control.hear()}`.match(/^\d{3}/gm)!.join(" ");
    };
    return { it, service, files, enter, get, put, data, ...control };
  }

  test("a visit", () => {
    const { it, socket, say, get, put, files, service } = visiting();
    expect(say("PWD\r\n")).toMatch(/^530 /);
    expect(say("USER me\r\n")).toMatch(/^331 /);
    expect(say("PASS secret\r\n")).toMatch(/^230 /);
    expect(say("SYST\r\n")).toBe("215 UNIX Type: L8\r\n");
    expect(say("CWD pub\r\nPWD\r\n")).toBe('250 Done\r\n257 "/pub"\r\n');
    expect(get("LIST")).toBe("150 226 -rw-r--r-- 1 ftp ftp          8 Jan  1  2026 a.txt\r\n");
    expect(get("NLST /")).toBe("150 226 b.bin\r\npub\r\n");
    expect(get("RETR a.txt"), "type A").toBe("150 226 one\r\ntwo\r\n");
    expect(say("SIZE a.txt\r\nTYPE I\r\nSIZE a.txt\r\nMDTM a.txt\r\n")).toBe(
      "213 10\r\n200 Type I\r\n213 8\r\n213 20260101000000\r\n",
    );
    expect(get("RETR a.txt")).toBe("150 226 one\ntwo\n");
    say("REST 4\r\n");
    expect(get("RETR a.txt")).toBe("150 226 two\n");
    expect(put("STOR new", "12345")).toBe("150 226");
    expect(put("APPE new", "67")).toBe("150 226");
    say("REST 2\r\n");
    expect(put("STOR new", "x")).toBe("150 226");
    expect(latin1(files.file("/pub/new")!.bytes)).toBe("12x");
    expect(
      say("MKD d\r\nRNFR new\r\nRNTO d/newer\r\nDELE d/newer\r\nRMD d\r\nCDUP\r\n").match(/^\d+/gm),
    ).toEqual(["257", "350", "250", "250", "250", "250"]);
    expect(say("QUIT\r\n")).toMatch(/^221 /);
    expect(service.commands.entries[2]).toMatchObject({ line: "PASS ***", code: 230 });
    const got = service.uploads.entries.map(({ path, bytes }) => [path, latin1(bytes)]);
    expect(got, "as they came").toEqual(["12345", "67", "x"].map((text) => ["/pub/new", text]));
    const news = newsOf(service)!().map(showNews);
    expect(news).toContainEqual(expect.stringMatching(/^got \/pub\/new, 5 bytes from [\d.:]+: "12345"$/));
    socket.close();
    it.settle();
    expect(service.connections).toBe(0);
  });

  test("active, both ways, and never to others", () => {
    const { it, say, hear: heard, enter } = visiting();
    enter();
    const listener = it.a.sockets.stream();
    listener.bind(0, 1025);
    listener.listen(1);
    expect(say("PORT 10,0,2,15,4,1\r\n")).toMatch(/^200 /);
    expect(say("RETR pub/a.txt\r\n")).toMatch(/^150 /);
    const socket = listener.accept() as Socket;
    expect(hear(it, socket)).toBe("one\r\ntwo\r\n");
    socket.close();
    expect(heard()).toMatch(/^226 /);
    expect(say("EPRT |1|10.0.2.15|1026|\r\nRETR pub/a.txt\r\n")).toMatch(
      /^200 .*\r\n150 .*\r\n425 .*refused/,
    );
    expect(
      say("PORT 10,0,2,9,4,1\r\nPORT 10,0,2,15,0,25\r\nPORT 1,2\r\nEPRT |2|::1|2000|\r\n").match(/^\d+/gm),
    ).toEqual(["504", "504", "501", "522"]);
  });

  test("PASV tells the address; commands wait for the transfer, except ABOR", () => {
    const { it, say, enter, hear: heard, data } = visiting();
    enter();
    expect(say("PASV\r\n")).toMatch(/^227 Entering Passive Mode \(10,0,2,2,\d+,\d+\)\r\n$/);
    const socket = data();
    expect(say("STOR slow\r\nNOOP\r\n")).toMatch(/^150 [^\n]*\n$/);
    expect(say("ABOR\r\n"), "NOOP comes first in the queue").toBe("");
    socket.close();
    expect(heard().match(/^\d+/gm)).toEqual(["226", "200", "226"]);
    data();
    say("STOR slow\r\n");
    expect(say("ABOR\r\n").match(/^\d+/gm)).toEqual(["426", "226"]);
    say("EPSV\r\n");
    say("LIST\r\n");
    it.run(() => false, it.now + 61 * SECOND);
    expect(heard()).toMatch(/^425 /);
  });

  test.each([
    ["RETR none", "550"],
    ["RETR b.bin", "425"],
    ["CWD none", "550"],
    ["STOR pub", "553"],
    ["TYPE E", "504"],
    ["MODE B", "504"],
    ["RNTO x", "503"],
    ["RMD pub", "550"],
    ["SITE x", "502"],
    ["XYZ", "500"],
    ["EPSV 2", "522"],
    ["REST x", "501"],
    ["X".repeat(9000), "500"],
  ])("%s is answered %s", (command, code) => {
    const { say, enter } = visiting();
    enter();
    expect(say(`${command}\r\n`).slice(0, 3)).toBe(code);
  });

  test("users, and files that may only be read", () => {
    const { say, enter, put } = visiting({ users: { me: "other" }, writable: false });
    enter();
    expect(say("PWD\r\n")).toMatch(/^530 /);
    expect(say("USER me\r\nPASS other\r\n")).toMatch(/230 /);
    expect(put("STOR x", "1")).toContain("550");
  });

  test("more than there is room for", () => {
    const { enter, put, files } = visiting();
    enter();
    expect(put("STOR big", "x".repeat(60_000))).toBe("150 226");
    expect(put("STOR big2", "x".repeat(60_000))).toBe("150 552");
    expect(files.paths()).not.toContain("/big2");
  });
});
