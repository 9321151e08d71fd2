/** Unicorn has gone wrong, and not this program: `message` says how, and where the guest was. */
export class UnicornFailure extends Error {}
