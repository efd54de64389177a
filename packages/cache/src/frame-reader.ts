import { decodeFrame, type Frame } from './frame.js';

const NOTHING = Buffer.alloc(0);

/** A frame without its body. */
interface Known {
  readonly head: Buffer;
  readonly trailer: Buffer;
  readonly bodyLength: number;
  readonly frame: Frame;
}

/**
 * Gives a decoder for the frames of one key: while all but the body stays what it was, byte for byte, it is not checked and
 * parsed again, which costs more than the rest of a hit. Each frame has a random number in its head.
 */
export function createFrameReader(): (bytes: Buffer) => Frame | undefined {
  let known: Known | undefined;
  return (bytes) => {
    if (known !== undefined && isOf(known, bytes)) {
      const { head, bodyLength, frame } = known;
      return { ...frame, body: bytes.subarray(head.length, head.length + bodyLength) };
    }
    const frame = decodeFrame(bytes);
    known = frame && knownOf(bytes, frame);
    return frame;
  };
}

function isOf({ head, trailer, bodyLength }: Known, bytes: Buffer): boolean {
  const bodyEnd = head.length + bodyLength;
  return (
    bytes.length === bodyEnd + trailer.length &&
    bytes.compare(head, 0, head.length, 0, head.length) === 0 &&
    bytes.compare(trailer, 0, trailer.length, bodyEnd) === 0
  );
}

/** Copies: what is kept must not hold on to the whole reply. */
function knownOf(bytes: Buffer, frame: Frame): Known {
  const bodyStart = frame.body.byteOffset - bytes.byteOffset;
  const bodyLength = frame.body.length;
  return {
    head: Buffer.from(bytes.subarray(0, bodyStart)),
    trailer: Buffer.from(bytes.subarray(bodyStart + bodyLength)),
    bodyLength,
    frame: { ...frame, body: NOTHING },
  };
}
