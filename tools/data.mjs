// Sorts the program's data between its two halves (tools/split.mjs): texts and tables that no function of the first half
// can reach come with the second.
//
// The linker leaves word of which piece of data each place points at (build.rs). A piece belongs to the first half if one of
// its functions holds the piece's address, or if another piece of the first half does. Until the second half is here, its
// pieces are zeros that nobody reads.
import { CODE, DATA, DATA_COUNT, addresses, constants, dataSection, file, number, sections, segments, symbols } from "./wasm.mjs";

/** A constant that is no address of the linker's may be one that was computed from it: this far from a piece, it counts. */
const NEAR = 64;
/** So many zeros cost less than one more segment. */
const GAP = 7;

/** Pieces of memory, by address: symbols that overlap are one. */
class Pieces {
  constructor(symbols) {
    this.all = [];
    for (const { address, size } of [...symbols].sort((a, b) => a.address - b.address || b.size - a.size)) {
      const last = this.all.at(-1);
      if (last && address < last.end) last.end = Math.max(last.end, address + size);
      else this.all.push({ address, end: address + size, leadsTo: [], first: false });
    }
  }
  /** The piece that holds an address. */
  at(address) {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const piece = this.all[low - 1];
    return piece && address < piece.end ? piece : undefined;
  }
}

/** The pieces of a linked program, and which of them a constant in its code may stand for. */
function pieces(linked) {
  const all = sections(linked);
  const named = (name) => all.find((section) => section.name === name)?.body;
  if (!named("linking") || !named("reloc.CODE") || !named("reloc.DATA")) throw new Error("the linker left no relocations (build.rs)");
  const placed = segments(all.find(({ id }) => id === DATA).body);
  const known = symbols(named("linking"));
  for (const symbol of known) if (symbol.size) symbol.address = placed[symbol.segment].address + symbol.offset;
  const pieces = new Pieces(known.filter(({ address }) => address !== undefined));
  const target = ({ symbol }) => pieces.at(known[symbol].address);
  const held = addresses(named("reloc.DATA")).filter(target);
  for (const place of held) {
    const segment = placed.find(({ from, bytes }) => place.at >= from && place.at < from + bytes.length);
    pieces.at(segment.address + place.at - segment.from).leadsTo.push(target(place));
  }
  const meant = new Map();
  for (const place of addresses(named("reloc.CODE")).filter(target)) {
    const value = known[place.symbol].address + place.more;
    meant.set(value, (meant.get(value) ?? new Set()).add(target(place)));
  }
  return { pieces, meant };
}

/** Marks what the code of the first half reaches. */
function reach(code, { pieces, meant }) {
  const found = [];
  const take = (piece) => {
    if (!piece || piece.first) return;
    piece.first = true;
    found.push(piece);
  };
  const [low, high] = [pieces.all[0].address - NEAR, pieces.all.at(-1).end + NEAR];
  constants(code, (value) => {
    if (value < low || value >= high) return;
    take(pieces.at(value));
    if (meant.has(value)) for (const piece of meant.get(value)) take(piece);
    else for (let away = -NEAR; away <= NEAR; away++) take(pieces.at(value + away));
  });
  for (const piece of found) for (const next of piece.leadsTo) take(next);
}

/** Memory from `base` as segments leave it. */
function memory(segments, base, end) {
  const bytes = Buffer.alloc(end - base);
  for (const segment of segments) bytes.set(segment.bytes, segment.address - base);
  return bytes;
}

/** The segments of the bytes that are `mine`; zeros need none. */
function runs(bytes, base, mine, open) {
  const all = [];
  for (let at = 0; at < bytes.length; at++) {
    if (!mine(at) || bytes[at] === 0) continue;
    const last = all.at(-1);
    // What lies between is written too: it must be nobody else's, or still empty.
    let joins = last && at - last.end <= GAP;
    for (let between = last?.end; joins && between < at; between++) joins = open || (mine(between) && bytes[between] === 0);
    if (joins) last.end = at + 1;
    else all.push({ start: at, end: at + 1 });
  }
  const own = Buffer.from(bytes.map((byte, at) => (mine(at) ? byte : 0)));
  return all.map(({ start, end }) => ({ address: base + start, bytes: own.subarray(start, end) }));
}

/**
 * Gives the first half what it reaches and the second half the rest. `linked` is the program as its linker left it;
 * `first` and `rest` are the halves, all of the data being in the first.
 */
export function share(linked, first, rest) {
  const [halves, others] = [sections(first), sections(rest)];
  const whole = segments(halves.find(({ id }) => id === DATA).body);
  const known = pieces(linked);
  const before = segments(sections(linked).find(({ id }) => id === DATA).body);
  const base = Math.min(...before.map(({ address }) => address));
  const end = Math.max(...before.map(({ address, bytes }) => address + bytes.length));
  const bytes = memory(whole, base, end);
  if (!memory(before, base, end).equals(bytes)) throw new Error("the data is not as the linker left it");

  reach(halves.find(({ id }) => id === CODE).body, known);
  const second = Buffer.alloc(end - base);
  for (const piece of known.pieces.all) if (!piece.first) second.fill(1, piece.address - base, piece.end - base);
  const kept = runs(bytes, base, (at) => !second[at], true);
  const moved = runs(bytes, base, (at) => second[at] === 1, false);
  if (!memory([...kept, ...moved], base, end).equals(bytes)) throw new Error("the halves do not hold the whole of the data");

  const count = (segments) => ({ id: DATA_COUNT, body: Buffer.from(number(segments.length)) });
  const counted = (sections, segments) => sections.map((section) => (section.id === DATA_COUNT ? count(segments) : section));
  return {
    first: file(counted(halves, kept).map((section) => (section.id === DATA ? dataSection(kept) : section))),
    rest: file(others.flatMap((section) => (section.id === CODE ? [section, dataSection(moved)] : [section]))),
  };
}
