/**
 * net: a TCP/IP network without any computer in it. Ethernet frames go in and out of ports; stacks answer them;
 * programs (a kernel, the gateway, a test) hold sockets. Nothing here reads a clock or has chance of its own: every
 * moment is an argument, and the random source is handed in.
 *
 * Read first: RFC 9293 (TCP), RFC 1122 (what a host must do), RFC 826 (ARP), RFC 791, 792, 768; RFC 8200, 4861, 4862 and
 * 4443 for IPv6.
 * `stack.ts` is where everything meets, with `ip/` and `ip6/` below the protocols that know no difference between them; `link/` is what lies between stacks: switch, bad cables, captures; `gateway/` is
 * the way to whatever an `Outside` reaches; `service/` are the servers that a network may have.
 */
export type { Counters, Drops } from "./counters.ts";
export { Gateway, type GatewayCounters, type GatewayOptions, type Published } from "./gateway/gateway.ts";
export {
  type Failure,
  type FailureReason,
  failure,
  type Listener,
  type Outside,
  type OutsideDatagram,
  type OutsideDatagrams,
  type OutsideStream,
  type Place,
  type State,
  showPlace,
} from "./gateway/host.ts";
export { MemoryOutside, type MemoryOutsideOptions } from "./gateway/memory-outside.ts";
export { NoOutside } from "./gateway/no-outside.ts";
export { allowOnly, type Policy, type Target } from "./gateway/policy.ts";
export {
  FIRST_GUEST,
  type HostPort,
  type Publication,
  type PublishDefaults,
  parseHostPort,
  parsePublication,
  showPublication,
} from "./gateway/publish.ts";
export { noTraffic, type TrafficCounters } from "./gateway/traffic.ts";
export type { NeighbourEntry } from "./ip/neighbours.ts";
export type { Route } from "./ip/routes.ts";
export type { AddressState, OwnAddress6 } from "./ip6/interface.ts";
export type { Neighbour6Entry } from "./ip6/neighbours.ts";
export type { Route6 } from "./ip6/routes.ts";
export { type FrameFacts, frameFacts } from "./link/facts.ts";
export {
  type FaultCounters,
  type FaultEvent,
  type FaultRule,
  type Faults,
  FaultyLink,
  type FaultyLinkOptions,
} from "./link/faults.ts";
export { FrameReader, framed, LONGEST_FRAME } from "./link/framing.ts";
export { type Flow, type FlowEnd, type FrameMatch, match, type SegmentWish } from "./link/match.ts";
export { macFor, Nic, type NicCounters, type NicOptions } from "./link/nic.ts";
export { Patch } from "./link/patch.ts";
export { capture, type PcapFrame, type PcapInterface, type PcapOptions, PcapWriter } from "./link/pcap.ts";
export { cable, FrameQueue, type Port } from "./link/port.ts";
export { parseRemoteLink, type RemoteLink, showRemoteLink } from "./link/remote.ts";
export {
  type LearntAddress,
  Switch,
  type SwitchCounters,
  type SwitchOptions,
  type SwitchPort,
  type SwitchPortCounters,
} from "./link/switch.ts";
export { type Direction, type FrameObserver, tap } from "./link/tap.ts";
export {
  type AccessPoint,
  type AccessPointOptions,
  Air,
  type AirCounters,
  type AirOptions,
  type HeardNetwork,
  type JoinFailure,
  type Position,
  type Radio,
  type RadioOptions,
  signalBetween,
} from "./link/wireless.ts";
export { Nat, type NatCounters, type NatForward, type NatMapping, type NatOptions } from "./router/nat.ts";
export { parseRoute, Router, type RouterInterface, type RouterOptions } from "./router/router.ts";
export { Calendar, DEFAULT_EPOCH_MS } from "./service/calendar.ts";
export { type DhcpEvent, type DhcpOptions, DhcpServer, type Lease } from "./service/dhcp.ts";
export { type DnsOptions, type DnsQuery, DnsServer, type Resolver } from "./service/dns.ts";
export { type FtpCommand, type FtpOptions, FtpServer } from "./service/ftp.ts";
export {
  bodyText,
  type HttpOptions,
  type HttpPage,
  type HttpRequest,
  HttpServer,
  headerOf,
} from "./service/http.ts";
export { Journal } from "./service/journal.ts";
export { newsOf, type ServiceNews, showNews } from "./service/news.ts";
export { type NtpOptions, type NtpRequest, NtpServer } from "./service/ntp.ts";
export { Service, type ServiceOptions } from "./service/service.ts";
export {
  ChargenService,
  DaytimeService,
  DiscardService,
  EchoService,
  type Heard,
  heardText,
  type SmallOptions,
} from "./service/small.ts";
export { type Mail, type SmtpOptions, SmtpSink } from "./service/smtp.ts";
export { type SyslogEntry, type SyslogOptions, SyslogSink } from "./service/syslog.ts";
export { TftpServer, type TftpServerOptions, type TftpTransfer } from "./service/tftp.ts";
export { Tree, type Upload } from "./service/tree.ts";
export type { ZoneOptions } from "./service/zone.ts";
export {
  type Attempt,
  type Datagram,
  type Endpoint,
  News,
  type Reason,
  type Socket,
  type SocketOptions,
  type Sockets,
  stateName,
  TcpState,
} from "./sockets.ts";
export { type Ip6Configuration, type IpConfiguration, Stack, type StackOptions } from "./stack.ts";
export type { Connection } from "./tcp/connection.ts";
export { defaultSettings, type TcpSettings } from "./tcp/settings.ts";
export {
  type Address,
  ANY,
  BROADCAST,
  LOOPBACK,
  MAC_BROADCAST,
  type Mac,
  maskOf,
  parseAddress,
  parseMac,
  parseNetwork,
  parseOwnAddress,
  showAddress,
  showMac,
} from "./wire/address.ts";
export {
  type Address6,
  ANY6,
  commonPrefix,
  LOOPBACK6,
  linkLocalOf,
  mapAddress,
  mappedAddress,
  type Network6,
  parseAddress6,
  parseNetwork6,
  readAddress6,
  showAddress6,
  writeAddress6,
} from "./wire/address6.ts";
export {
  type IpAddress,
  isUnspecified,
  parseIpAddress,
  showIpAddress,
  showIpEndpoint,
} from "./wire/ip-address.ts";
export { showFrame, showPacket, showPacket6 } from "./wire/print.ts";
