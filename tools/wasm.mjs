// Reads and writes what tools/split.mjs and its neighbours need of a WebAssembly file: sections, symbols, constants, data.

/** Reads numbers and names from bytes, one after the other. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  get done() {
    return this.at >= this.bytes.length;
  }
  byte() {
    return this.bytes[this.at++];
  }
  /** A number without a sign, of at most 32 bits. */
  number() {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }
  /** A number with a sign, of at most 32 bits. */
  signed() {
    for (let value = 0, shift = 1; ; ) {
      const byte = this.byte();
      value += (byte & 127) * shift;
      shift *= 128;
      if (byte < 128) return byte & 64 ? value - shift : value;
    }
  }
  /** Goes past a number of any size. */
  skip() {
    while (this.byte() & 128);
  }
  slice(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  name() {
    return Buffer.from(this.slice(this.number())).toString();
  }
  list(read) {
    return Array.from({ length: this.number() }, () => read(this));
  }
}

/** A number without a sign, as WebAssembly writes it. */
export function number(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

/** A number with a sign, as WebAssembly writes it. */
export function signed(value) {
  const bytes = [];
  for (; value < -64 || value > 63; value = Math.floor(value / 128)) bytes.push((((value % 128) + 128) % 128) | 128);
  return [...bytes, value & 127];
}

const sized = (bytes) => Buffer.concat([Buffer.from(number(bytes.length)), bytes]);

/** The numbers of the sections by what they hold. */
export const DATA_COUNT = 12;
export const CODE = 10;
export const DATA = 11;

/** A file's sections: `id`, `body`, and for those without meaning of their own (id 0) a `name`. */
export function sections(file) {
  const all = [];
  for (const reader = new Reader(file, 8); !reader.done; ) {
    const section = { id: reader.byte(), body: reader.slice(reader.number()) };
    if (section.id === 0) section.name = new Reader(section.body).name();
    all.push(section);
  }
  return all;
}

/** The file of these sections. */
export function file(sections) {
  const head = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  return Buffer.concat([head, ...sections.flatMap(({ id, body }) => [Buffer.from([id]), sized(body)])]);
}

/** What a section of data puts where: `address`, `bytes`, and `from`, where these bytes begin in the section. */
export function segments(body) {
  return new Reader(body).list((reader) => {
    if (reader.number() !== 0 || reader.byte() !== 0x41) throw new Error("data that does not say its place");
    const address = reader.signed() >>> 0;
    reader.byte();
    const length = reader.number();
    return { address, from: reader.at, bytes: reader.slice(length) };
  });
}

/** The section of data that puts these bytes there. */
export function dataSection(segments) {
  const written = segments.map(({ address, bytes }) => Buffer.concat([Buffer.from([0, 0x41, ...signed(address), 0x0b]), sized(bytes)]));
  return { id: DATA, body: Buffer.concat([Buffer.from(number(written.length)), ...written]) };
}

/** Tells each constant of 32 bits in a section of code, and each offset of a read or write of memory. */
export function constants(body, tell) {
  const code = new Reader(body);
  code.list(() => {
    const end = code.number() + code.at;
    code.list(() => (code.skip(), code.byte()));
    while (code.at < end) instruction(code, tell);
    if (code.at !== end) throw new Error("a function that ends within an instruction");
  });
}

/** Goes past one instruction, telling its constant or its offset. */
export function instruction(code, tell) {
  const op = code.byte();
  if (op === 0x41) tell(code.signed() >>> 0);
  else if (op >= 0x28 && op <= 0x3e) {
    code.skip();
    tell(code.number());
  } else if (op === 0x42 || [0x02, 0x03, 0x04, 0x0c, 0x0d, 0x10, 0x12, 0xd0, 0xd2].includes(op) || (op >= 0x20 && op <= 0x26)) code.skip();
  else if (op === 0x11 || op === 0x13) {
    code.skip();
    code.skip();
  } else if (op === 0x0e) {
    code.list(() => code.skip());
    code.skip();
  } else if (op === 0x1c) code.list(() => code.byte());
  else if (op === 0x3f || op === 0x40) code.byte();
  else if (op === 0x43) code.slice(4);
  else if (op === 0x44) code.slice(8);
  else if (op === 0xfc) {
    const more = code.number();
    if (more > 17) throw new Error(`an instruction that tools/wasm.mjs does not know: 0xfc ${more}`);
    for (let left = [8, 10, 12, 14].includes(more) ? 2 : more < 8 ? 0 : 1; left > 0; left--) code.skip();
  } else if (!(op <= 0x01 || op === 0x05 || op === 0x0b || op === 0x0f || op === 0x1a || op === 0x1b || (op >= 0x45 && op <= 0xc4) || op === 0xd1)) {
    throw new Error(`an instruction that tools/wasm.mjs does not know: 0x${op.toString(16)}`);
  }
}

/** The symbols of a file that its linker left relocations in; those of data have `segment`, `offset` and `size`. */
export function symbols(body) {
  const linking = new Reader(body);
  linking.name();
  linking.number();
  while (!linking.done) {
    const [kind, part] = [linking.byte(), linking.slice(linking.number())];
    if (kind === 8) return new Reader(part).list(symbol);
  }
  return [];
}

function symbol(reader) {
  const [kind, flags] = [reader.byte(), reader.number()];
  const here = !(flags & 0x10);
  if (kind === 1) {
    reader.name();
    return here ? { segment: reader.number(), offset: reader.number(), size: reader.number() } : {};
  }
  reader.number();
  if (kind !== 3 && (here || flags & 0x40)) reader.name();
  return {};
}

/** The places in a section that hold the address of data: `at` in the section, the symbol's number, and what is added to it. */
export function addresses(body) {
  const reader = new Reader(body);
  reader.name();
  reader.number();
  const all = reader.list(() => {
    const kind = reader.byte();
    const found = { at: reader.number(), symbol: reader.number() };
    const adds = [3, 4, 5, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23, 25].includes(kind);
    return { ...found, kind, more: adds ? reader.signed() : 0 };
  });
  return all.filter(({ kind }) => kind >= 3 && kind <= 5);
}
