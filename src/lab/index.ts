/**
 * lab: many machines, routers, services and bad cables from one description, on one clock, with a list of what must
 * happen. `describeLab` reads a description, `Lab` builds and runs it.
 *
 * It is not the file: who reads one (the command line reads YAML) hands in a tree of `Written` with the places, so that
 * every problem can say where it is. It owns no clock, no file and no host.
 *
 * Read first: description.ts (what may be said), then lab.ts (what is made of it), referee.ts (what is looked at).
 * `Causes` and `Recording` work without a laboratory too: why each frame of a capture was sent.
 */
export { Causes, type CausesOptions } from "./causes.ts";
export {
  describeLab,
  type ExpectationDescription,
  type LabDescription,
  type MachineDescription,
  type ServiceDescription,
} from "./description.ts";
export {
  LabError,
  misfit,
  type Problem,
  type Scalar,
  type Spot,
  type Written,
  type WrittenEntry,
  written,
} from "./fields.ts";
export { Lab, type LabOptions, type LabResult } from "./lab.ts";
export { Recording, type RecordingOptions } from "./recording.ts";
export type { Verdict } from "./referee.ts";
export { makeService, type ServiceKind, type ServiceSurroundings, serviceKinds } from "./services.ts";
