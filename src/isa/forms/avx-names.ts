/**
 * The first three letters of every name here, so that a look-up of another name need not make the rows.
 */
const beginnings = new Set(
  (
    "kad kan kmo kno kor ksh kte kun kxn kxo vad vae val van vbl vbr vcm vco vcv vdb vdi vdp vex vfi vfm " +
    "vfn vfp vga vge vgf vha vhs vin vld vma vmi vmo vmp vmu vor vp4 vpa vpb vpc vpd vpe vpg vph vpi vpl vpm " +
    "vpo vpr vps vpt vpu vpx vra vrc vre vrn vro vrs vsc vsh vsq vst vsu vte vuc vun vxo vze"
  ).split(" "),
);

/** Whether `avx` may hold rows of this name. */
export const mayBeAvx = (name: string): boolean => beginnings.has(name.slice(0, 3));
