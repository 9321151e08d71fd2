/** The network's services as stock programs find them: over a TAP device, from a network namespace. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1, Random } from "../../src/base/index.ts";
import {
  DhcpServer,
  DnsServer,
  FtpServer,
  HttpServer,
  Nic,
  NtpServer,
  parseAddress,
  SmtpSink,
  Stack,
  SyslogSink,
  TftpServer,
  Tree,
} from "../../src/net/index.ts";
import { has, Linux, missing } from "./linux.ts";

const why = missing();
const SERVER = "10.0.2.2";

describe.skipIf(why)(`services for stock programs${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let folder: string;
  let files: Tree;
  let http: HttpServer;
  let dhcp: DhcpServer;
  let smtp: SmtpSink;
  let syslog: SyslogSink;
  let dns: DnsServer;
  let ntp: NtpServer;
  const content = Uint8Array.from({ length: 300_000 }, (_, index) => index * 5 + (index >> 9));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-services-"));
    linux = await Linux.start("10.0.2.15/24");
    const nics = [new Nic({ port: linux, mac: 0x525400000002 })];
    const stack = new Stack({ nics, random: new Random(1) });
    stack.configure(0, { address: parseAddress(SERVER)!, mask: 0xffffff00, gateway: 0 });
    files = new Tree({ "/pub/large": content, "/text": "one\ntwo\n" });
    const many = Array.from({ length: 60 }, (_, index) => `many A 10.0.3.${index}`);
    const zones = [{ origin: "lab.example", records: ["www A 10.0.2.20", "@ MX 10 www", ...many] }];
    dns = new DnsServer({ stack, zones });
    http = new HttpServer({ stack, pages: { "/": "<p>kolibri</p>", "/large": { body: content } } });
    dhcp = new DhcpServer({
      stack,
      pool: { first: parseAddress("10.0.2.100")!, last: parseAddress("10.0.2.110")! },
      router: parseAddress(SERVER)!,
      dns: [parseAddress(SERVER)!],
      domain: "lab.example",
    });
    smtp = new SmtpSink({ stack });
    syslog = new SyslogSink({ stack });
    ntp = new NtpServer({ stack });
    linux.drive(
      dns,
      http,
      dhcp,
      smtp,
      syslog,
      ntp,
      new FtpServer({ stack, files }),
      new TftpServer({ stack, files }),
    );
  });

  afterAll(async () => {
    await linux?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const curl = async (...words: string[]): Promise<string> => {
    const { code, output } = await linux.command(
      "curl",
      "-sS",
      "--noproxy",
      "*",
      "--max-time",
      "20",
      ...words,
    );
    expect(code, output).toBe(0);
    return output;
  };

  describe.skipIf(!has("curl"))(`curl${has("curl") ? "" : " (skipped: no curl)"}`, () => {
    test("HTTP: a page, a large one, a form, one that is not there", async () => {
      expect(await curl(`http://${SERVER}/`)).toBe("<p>kolibri</p>");
      const got = join(folder, "large");
      await curl("-o", got, `http://${SERVER}/large`);
      expect(readFileSync(got).equals(content)).toBe(true);
      await curl("-d", "a=b", `http://${SERVER}/`, `http://${SERVER}/`);
      expect(latin1(http.requests.last!.body)).toBe("a=b");
      expect(await curl("-o", "/dev/null", "-w", "%{http_code}", `http://${SERVER}/no`)).toBe("404");
      const file = join(folder, "chunks");
      writeFileSync(file, content.subarray(0, 100_000));
      await curl("-H", "Transfer-Encoding: chunked", "-T", file, `http://${SERVER}/put`);
      expect(http.requests.last!.body).toEqual(content.slice(0, 100_000));
    });

    test.each([
      ["passive", []],
      ["passive with PASV", ["--disable-epsv"]],
      ["active", ["-P", "-"]],
      ["active with PORT", ["-P", "-", "--disable-eprt"]],
    ])("FTP, %s: listing, reading, writing", async (name, options) => {
      expect(await curl(...options, "-l", `ftp://${SERVER}/`)).toMatch(/^pub\r?\ntext\r?\n/);
      const got = join(folder, "got");
      await curl(...options, "-o", got, `ftp://${SERVER}/pub/large`);
      expect(readFileSync(got).equals(content)).toBe(true);
      expect(latin1(Buffer.from(await curl(...options, "-r", "4-", `ftp://${SERVER}/text`)))).toBe("two\n");
      const path = `/${name.replaceAll(" ", "-")}/up`;
      await curl(...options, "--ftp-create-dirs", "-T", got, `ftp://${SERVER}${path}`);
      expect(files.file(path)!.bytes).toEqual(content);
      files.remove(path);
      files.removeFolder(path.slice(0, -3));
    });

    test("TFTP: reading and writing", async () => {
      const got = join(folder, "tftp");
      await curl("-o", got, `tftp://${SERVER}/pub/large`);
      expect(readFileSync(got).equals(content)).toBe(true);
      await curl("--tftp-blksize", "1400", "-T", got, `tftp://${SERVER}/tftp`);
      expect(files.file("/tftp")!.bytes).toEqual(content);
      files.remove("/tftp");
    });

    test("SMTP: a mail", async () => {
      const mail = join(folder, "mail");
      writeFileSync(mail, "Subject: hello\r\n\r\n.dotted\r\nend\r\n");
      await curl("--mail-from", "a@b", "--mail-rcpt", "c@d", "-T", mail, `smtp://${SERVER}/client.lab`);
      expect(smtp.mails.last).toMatchObject({ hello: "client.lab", sender: "a@b", recipients: ["c@d"] });
      expect(latin1(smtp.mails.last!.bytes)).toBe("Subject: hello\r\n\r\n.dotted\r\nend\r\n");
    });
  });

  const dig = has("dig");
  test.skipIf(!dig)(
    `dig: UDP, TCP after truncation, nothing there${dig ? "" : " (skipped: no dig)"}`,
    async () => {
      const ask = async (...words: string[]) =>
        (await linux.command("dig", `@${SERVER}`, "+time=5", ...words)).output;
      expect(await ask("+short", "www.lab.example")).toBe("10.0.2.20\n");
      expect(await ask("lab.example", "MX")).toMatch(
        /;; flags: qr aa rd; [\s\S]*10 www\.lab\.example\.[\s\S]*ADDITIONAL[\s\S]*10\.0\.2\.20/,
      );
      expect((await ask("+short", "+noedns", "many.lab.example")).trim().split("\n")).toHaveLength(60);
      expect(dns.queries.last!.protocol).toBe("tcp");
      expect(await ask("none.lab.example")).toMatch(/status: NXDOMAIN[\s\S]*SOA\tns\.lab\.example/);
      expect(await ask("+nocookie", "www.lab.example")).not.toContain("WARNING: Message");
      expect(await ask("example.com")).toContain("status: REFUSED");
    },
  );

  // Each distribution puts other programs into it.
  const busybox =
    has("busybox") &&
    execFileSync("busybox", ["--list"], { encoding: "utf8" }).split("\n").includes("udhcpc");
  test.skipIf(!busybox)(
    `busybox udhcpc: a lease${busybox ? "" : " (skipped: no busybox with it)"}`,
    async () => {
      const script = join(folder, "leased");
      writeFileSync(
        script,
        '#!/bin/sh\n[ "$1" = bound ] && echo "got $ip $subnet $router $dns $domain $lease"\nexit 0\n',
        {
          mode: 0o755,
        },
      );
      const { output } = await linux.command(
        "busybox",
        "udhcpc",
        "-i",
        "tap0",
        "-f",
        "-q",
        "-n",
        "-s",
        script,
      );
      expect(output).toContain(`got 10.0.2.100 255.255.255.0 ${SERVER} ${SERVER} lab.example 86400`);
      expect(dhcp.leases()).toMatchObject([{ state: "bound" }]);
    },
  );

  const ntpdig = has("ntpdig");
  test.skipIf(!ntpdig)(`ntpdig: what time it is${ntpdig ? "" : " (skipped: no ntpdig)"}`, async () => {
    const { output } = await linux.command("ntpdig", "-t", "5", SERVER); // it asks, and sets nothing without -S
    expect(output).toMatch(/10\.0\.2\.2 s1 no-leap/);
    expect(ntp.requests.last).toMatchObject({ answered: true, packet: { mode: 3, version: 4 } });
  });

  const logger = has("logger");
  test.skipIf(!logger)(
    `logger: both formats, both protocols${logger ? "" : " (skipped: no logger)"}`,
    async () => {
      for (const words of [
        ["--udp", "--rfc3164"],
        ["--udp", "--rfc5424"],
        ["--tcp", "--rfc5424"],
        ["--tcp", "--octet-count"],
      ])
        await linux.command(
          "logger",
          "-n",
          SERVER,
          "-P",
          "514",
          "-t",
          "tag",
          "-p",
          "user.warning",
          ...words,
          "said so",
        );
      await expect.poll(() => syslog.entries.entries.length).toBe(4);
      for (const { message } of syslog.entries.entries)
        expect(message).toMatchObject({ facility: 1, severity: 4, application: "tag", message: "said so" });
    },
  );
});
