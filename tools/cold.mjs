// Takes what opening the page does not run out of the functions that it runs: ends of blocks that are never reached become
// functions of their own, which tools/split.mjs then leaves to the second half.
//
// A tail goes from the beginning of a branch, from after a conditional jump or from after an inner block to the end of its
// block. The variables that it reads are handed over; those that it writes come back, and where there are several ways out, a
// number that says which was taken.
import { CODE, Reader, file, instruction, number, sections, signed } from "./wasm.mjs";

/** So many bytes a tail must save, or it stays. */
const LEAST = 24;
/** So many variables may come back. */
const MOST = 6;
const [TYPE, IMPORT, FUNCTION, MEMORY] = [1, 2, 3, 5];
const VOID = 0x40;
const I32 = 0x7f;
const [UNREACHABLE, IF, ELSE, END, BR, BR_IF, TABLE, RETURN, CALL, GET, SET, TEE] = [0x00, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x20, 0x21, 0x22];

/** A program's functions: `params`, `results`, `locals` (the types of all variables), and `bytes` from `at` to the end. */
function functions(all) {
  const find = (id) => all.find((section) => section.id === id).body;
  const types = new Reader(find(TYPE)).list((reader) => {
    reader.byte();
    return { params: reader.list(() => reader.byte()), results: reader.list(() => reader.byte()) };
  });
  const imports = new Reader(find(IMPORT)).list(imported).filter(({ kind }) => kind === 0);
  const of = new Reader(find(FUNCTION)).list((reader) => reader.number());
  const code = new Reader(find(CODE));
  const bodies = code.list(() => code.slice(code.number()));
  const called = (at) => types[at < imports.length ? imports[at].type : of[at - imports.length]];
  const list = bodies.map((bytes, i) => {
    const reader = new Reader(bytes);
    const locals = [...types[of[i]].params];
    reader.list(() => {
      const count = reader.number();
      const type = reader.byte();
      for (let n = 0; n < count; n++) locals.push(type);
    });
    return { ...types[of[i]], locals, bytes, at: reader.at, called };
  });
  return { types, of, list, imports: imports.length };
}

/** Goes past one import; gives its kind, and the type of a function. */
function imported(reader) {
  reader.name();
  reader.name();
  const kind = reader.byte();
  if (kind === 0) return { kind, type: reader.number() };
  if (kind === 3) reader.slice(2);
  else {
    if (kind === 1) reader.byte();
    if (reader.number() & 1) reader.number();
    reader.number();
  }
  return { kind };
}

/** Walks over instructions: tells each one's code, where it begins, its number if it has one, and how deep it is nested. */
function walk(bytes, start, end, tell) {
  const code = new Reader(bytes, start);
  for (let depth = 0; code.at < end; ) {
    const at = code.at;
    const op = bytes[at];
    if (op === ELSE || op === END) {
      code.at++;
      tell(op, at, code.at, 0, depth - 1);
      if (op === END) depth--;
      continue;
    }
    let value;
    if ([BR, BR_IF, CALL, GET, SET, TEE].includes(op)) {
      code.at++;
      value = code.number();
    } else if (op >= 0x02 && op <= 0x04) {
      code.at++;
      value = code.byte();
      if (value !== VOID && (value < 0x60 || value > 0x7f)) {
        // The number of a type, for blocks that take values or give several.
        code.at--;
        code.skip();
        value = 0;
      }
    } else instruction(code, () => {});
    tell(op, at, code.at, value, depth);
    if (op >= 0x02 && op <= 0x04) depth++;
  }
}

/** How many values more an instruction leaves than it takes, if only its code decides. */
const EFFECT = new Map();
for (const [effect, ...ranges] of [
  [-3, [0xfc08], [0xfc0a, 0xfc0c], [0xfc0e], [0xfc11]],
  [-2, [0x1b, 0x1c], [0x26], [0x36, 0x3e]],
  [-1, [0x0d], [0x1a], [0x21], [0x24], [0x46, 0x4f], [0x51, 0x66], [0x6a, 0x78], [0x7c, 0x8a], [0x92, 0x98], [0xa0, 0xa6], [0xfc0f]],
  [1, [0x20], [0x23], [0x3f], [0x41, 0x44], [0xd0], [0xd2], [0xfc10]],
]) {
  for (const [from, to = from] of ranges) for (let op = from; op <= to; op++) EFFECT.set(op, effect);
}

/**
 * The ends of a function's blocks that may be cold: from the beginning of a branch, from after a conditional jump or from after
 * an inner block, to the `end`. The first is the function itself. Each has the type of the block's value, whether it is a loop
 * or the function, and the types of the blocks around it. Where a value waits for what follows, there is none.
 */
function tails(body, types) {
  const whole = { height: 0, base: 0, type: body.results.length === 0 ? VOID : body.results.length === 1 ? body.results[0] : 0, kind: "function" };
  const open = [{ ...whole, tails: [] }];
  const found = [];
  const begin = (start) => {
    const block = open.at(-1);
    if (block.height !== block.base || block.dead) return;
    const tail = { start, type: block.type, kind: block.kind, around: open.slice(0, -1).map(({ label }) => label ?? 0) };
    block.tails.push(tail);
    found.push(tail);
  };
  const close = (end) => {
    for (const tail of open.at(-1).tails) tail.end = end;
  };
  begin(body.at);
  walk(body.bytes, body.at, body.bytes.length - 1, (op, at, next, value) => {
    const block = open.at(-1);
    if (op >= 0x02 && op <= 0x04) {
      if (op === IF) block.height--;
      const index = value === 0 ? new Reader(body.bytes, at + 1).number() : undefined;
      const takes = index === undefined ? 0 : types[index].params.length;
      const gives = index === undefined ? (value === VOID ? 0 : 1) : types[index].results.length;
      block.height -= takes;
      // What a block takes lies in it already: no tail of it can move.
      const base = block.height;
      open.push({ height: base + takes, base, gives, takes, type: value, label: op === 0x03 ? VOID : value, kind: op === 0x03 ? "loop" : "block", tails: [] });
      if (op === IF) begin(next);
    } else if (op === ELSE) {
      close(at);
      Object.assign(block, { height: block.base + block.takes, dead: false, tails: [] });
      begin(next);
    } else if (op === END) {
      close(at);
      open.pop();
      open.at(-1).height = block.base + block.gives;
      begin(next);
    } else {
      if (op === CALL) {
        const { params, results } = body.called(value);
        block.height += results.length - params.length;
      } else if (op === 0x11) {
        const { params, results } = types[new Reader(body.bytes, at + 1).number()];
        block.height += results.length - params.length - 1;
      } else block.height += EFFECT.get(op === 0xfc ? 0xfc00 + new Reader(body.bytes, at + 1).number() : op) ?? 0;
      if ([UNREACHABLE, BR, TABLE, RETURN].includes(op)) block.dead = true;
      if (op === BR_IF) begin(next);
    }
  });
  close(body.bytes.length - 1);
  return found;
}

/** The program with a mark put into memory by each function and tail that is entered; where the marks begin, how many they are, the functions' own. */
export function marking(bytes) {
  const all = sections(bytes);
  const { list, types } = functions(all);
  const memory = new Reader(all.find(({ id }) => id === MEMORY).body);
  const [, limits, pages] = [memory.number(), memory.number(), memory.number()];
  let count = 0;
  const base = pages * 65536;
  const firsts = [];
  const bodies = list.map((body) => {
    firsts.push(count);
    const parts = [];
    let from = 0;
    for (const { start } of tails(body, types)) {
      parts.push(body.bytes.subarray(from, start), Buffer.from([0x41, ...signed(base + count++), 0x41, 1, 0x3a, 0, 0]));
      from = start;
    }
    return Buffer.concat([...parts, body.bytes.subarray(from)]);
  });
  const more = Math.ceil(count / 65536);
  const rest = memory.bytes.subarray(memory.at);
  const wider = Buffer.from([1, limits, ...number(pages + more), ...rest]);
  const to = { [CODE]: code(bodies), [MEMORY]: wider };
  return { bytes: file(all.map((section) => ({ ...section, body: to[section.id] ?? section.body }))), base, count, firsts };
}

const code = (bodies) => Buffer.concat([Buffer.from(number(bodies.length)), ...bodies.flatMap((body) => [Buffer.from(number(body.length)), body])]);

/** How a tail can become a function of its own; nothing if it cannot. */
function plan(body, { start, end, type, kind, around }, reads) {
  const [gets, order, sets, exits] = [new Map(), new Map(), new Set(), new Set()];
  let [returns, own, last] = [false, false, undefined];
  walk(body.bytes, start, end, (op, at, next, value, depth) => {
    if (depth === 0) last = { op, at, next };
    if (op === GET) gets.set(value, (gets.get(value) ?? 0) + 1);
    if (op === SET || op === TEE) sets.add(value);
    // What is surely written before it is read, and before the tail can be left, need not be handed over.
    const late = op === GET || depth > 0 || own || exits.size > 0 || returns;
    if ((op === GET || op === SET || op === TEE) && !order.has(value)) order.set(value, late);
    if (op === RETURN) returns = true;
    for (const target of targets(body.bytes, op, at)) {
      if (target === depth) own = true;
      if (target > depth) exits.add(target - depth);
    }
  });
  const stops = last && [UNREACHABLE, RETURN, BR, TABLE].includes(last.op);
  if (!last || type === 0) return;
  const params = [...order].filter(([, readFirst]) => readFirst).map(([local]) => local);
  const locals = [...order.keys()].filter((local) => !params.includes(local));
  const made = { start, end, params, locals, back: [], exits: [] };
  const forGood = stops && !own && exits.size === 0;
  if (forGood && returns) return { ...made, results: body.results, after: [RETURN] };
  if (forGood) return { ...made, results: [], after: [UNREACHABLE] };

  const back = [...sets].filter((local) => params.includes(local) || reads[local] > (gets.get(local) ?? 0));
  const given = back.map((local) => body.locals[local]);
  const taken = [...back].reverse().flatMap((local) => [SET, ...number(local)]);
  if (back.length > MOST) return;
  if (exits.size === 0 && !returns && !(own && kind !== "block")) {
    if (type === VOID) return { ...made, back, results: given, after: taken };
    return back.length === 0 ? { ...made, results: [type], after: [] } : undefined;
  }
  // It is left in several ways: a number says in which. What it falls out to must be what a jump to its own block reaches.
  if (returns) {
    if (body.results.length > 0) return;
    exits.add(around.length);
  }
  const label = (exit) => (exit === around.length ? (body.results.length === 0 ? VOID : 0) : around.at(-exit));
  const all = [...exits].filter((exit) => exit > 0);
  if (type !== VOID || (kind === "loop" && !stops) || all.length !== exits.size || all.some((exit) => label(exit) !== VOID)) return;
  if (all.length === 0) return { ...made, back, results: given, after: [...taken, BR, 0] };
  const jump = [TABLE, ...number(all.length), 0, ...all.flatMap((exit) => number(exit))];
  return { ...made, back, exits: all, depth: around.length, results: [I32, ...given], after: [...taken, ...jump] };
}

/** Where a jump may go. */
function targets(bytes, op, at) {
  const code = new Reader(bytes, at + 1);
  if (op === BR || op === BR_IF) return [code.number()];
  return op === TABLE ? [...code.list(() => code.number()), code.number()] : [];
}

/** The tail as the body of a function. */
function cut(body, { start, end, params, locals, back, exits, results, depth: outside }) {
  const to = new Map([...params, ...locals].map((local, i) => [local, i]));
  const parts = [Buffer.from([...number(locals.length), ...locals.flatMap((local) => [1, body.locals[local]])])];
  // A jump out of the tail goes to where the results are fetched.
  const blocks = exits.length > 0 ? exits.length + 1 : back.length > 0 ? 1 : 0;
  for (let n = 0; n < blocks; n++) parts.push(Buffer.from([0x02, VOID]));
  let from = start;
  const put = (at, next, ...bytes) => {
    parts.push(body.bytes.subarray(from, at), Buffer.from(bytes));
    from = next;
  };
  const moved = (target, depth) => number(target > depth ? depth + 1 + exits.indexOf(target - depth) : target);
  walk(body.bytes, start, end, (op, at, next, value, depth) => {
    if (op === GET || op === SET || op === TEE) put(at, next, op, ...number(to.get(value)));
    else if (exits.length === 0) return;
    else if (op === BR || op === BR_IF) put(at, next, op, ...moved(value, depth));
    else if (op === TABLE) {
      const all = targets(body.bytes, op, at);
      put(at, next, op, ...number(all.length - 1), ...all.flatMap((target) => moved(target, depth)));
    } else if (op === RETURN) put(at, next, BR, ...moved(outside + depth, depth));
  });
  parts.push(body.bytes.subarray(from, end));
  const fetch = back.flatMap((local) => [GET, ...number(to.get(local))]);
  for (let n = 0; n < blocks; n++) parts.push(Buffer.from([END, ...(exits.length > 0 ? [0x41, ...signed(n)] : []), ...fetch, ...(n + 1 < blocks ? [RETURN] : [])]));
  return Buffer.concat([...parts, Buffer.from([END])]);
}

/** The program with the tails that were never entered as functions of their own; `entered` tells the marks of `marking`. */
export function apart(bytes, entered) {
  const all = sections(bytes);
  const { types, of, list, imports } = functions(all);
  const [added, bodies] = [[], []];
  const typeOf = (params, results) => {
    const same = (a, b) => a.length === b.length && a.every((type, i) => type === b[i]);
    const at = types.findIndex((type) => same(type.params, params) && same(type.results, results));
    return at >= 0 ? at : types.push({ params, results }) - 1;
  };
  let mark = 0;
  let saved = 0;
  for (const body of list) {
    const [runs, ...rest] = tails(body, types).map((tail) => ({ ...tail, cold: !entered(mark++) }));
    if (runs.cold) {
      bodies.push(body.bytes);
      continue;
    }
    const reads = Array(body.locals.length).fill(0);
    walk(body.bytes, body.at, body.bytes.length - 1, (op, at, next, value) => {
      if (op === GET) reads[value]++;
    });
    const parts = [];
    let from = 0;
    for (const tail of rest) {
      if (!tail.cold || tail.start < from || tail.end - tail.start < LEAST) continue;
      const moves = plan(body, tail, reads);
      if (!moves) continue;
      const name = imports + list.length + added.length;
      const call = Buffer.from([...moves.params.flatMap((local) => [GET, ...number(local)]), CALL, ...number(name), ...moves.after]);
      if (tail.end - tail.start - call.length < LEAST) continue;
      added.push({ type: typeOf(moves.params.map((local) => body.locals[local]), moves.results), bytes: cut(body, moves) });
      parts.push(body.bytes.subarray(from, tail.start), call);
      saved += tail.end - tail.start - call.length;
      from = tail.end;
    }
    bodies.push(Buffer.concat([...parts, body.bytes.subarray(from)]));
  }
  const list1 = (rows) => Buffer.from([...number(rows.length), ...rows.flat()]);
  const to = {
    [TYPE]: list1(types.map(({ params, results }) => [0x60, ...number(params.length), ...params, ...number(results.length), ...results])),
    [FUNCTION]: list1([...of, ...added.map(({ type }) => type)].map((type) => number(type))),
    [CODE]: code([...bodies, ...added.map(({ bytes }) => bytes)]),
  };
  return { bytes: file(all.map((section) => ({ ...section, body: to[section.id] ?? section.body }))), moved: added.length, saved };
}
