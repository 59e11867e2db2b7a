// What tools/cold.mjs moves out of a function does there what it did before, however it is left.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { apart, marking } from "../../tools/cold.mjs";
import { root } from "./support.mjs";

// Long enough to be worth moving.
const work = "(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.mul (local.get $x) (i32.const 12345))))".repeat(3);
const text = `(module
  (import "t" "t" (func $told (param i32)))
  (memory (export "memory") 1)
  (func (export "branch") (param $x i32) (result i32) (local $a i32) (local.set $a (i32.const 5))
    (if (i32.gt_u (local.get $x) (i32.const 3)) (then ${work} (local.set $a (i32.add (local.get $a) (local.get $x))) (call $told (local.get $a))))
    (i32.add (local.get $a) (i32.load (i32.const 64))))
  (func (export "early") (param $x i32) (result i32) (local $a i32) (local $b i32) (local.set $a (i32.const 7)) (local.set $b (i32.const 9))
    (block $out (block $in
      (br_if $out (i32.eq (local.get $x) (i32.const 1)))
      ${work} (br_if $in (i32.eq (local.get $x) (i32.const 2))) (br_if $out (i32.eq (local.get $x) (i32.const 4)))
      (local.set $a (local.get $x)) (call $told (local.get $a)) (br_if $out (i32.eq (local.get $x) (i32.const 5))))
      (local.set $b (i32.const 11)))
    (i32.add (i32.mul (local.get $a) (i32.const 100)) (local.get $b)))
  (func (export "loop") (param $x i32) (result i32) (local $n i32) (local $sum i32)
    (block $out (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $out (i32.gt_u (local.get $n) (local.get $x)))
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $again (i32.eq (i32.and (local.get $n) (i32.const 1)) (i32.const 1)))
      ${work} (local.set $sum (i32.mul (local.get $sum) (i32.const 3)))
      (br_table $again $out $again (i32.eq (local.get $sum) (i32.const 9)))))
    (local.get $sum))
  (func (export "choice") (param $x i32) (result i32) (local $r i32)
    (block $c (block $b (block $a (br_table $a $b $c (local.get $x)))
      ${work} (local.set $r (i32.const 10)) (br $c))
      ${work} (local.set $r (i32.add (local.get $r) (i32.const 20))))
    (local.get $r))
  (func (export "value") (param $x i32) (result i32)
    (i32.add (i32.const 1000) (if (result i32) (i32.and (local.get $x) (i32.const 1)) (then ${work} (i32.mul (local.get $x) (i32.const 7))) (else ${work} (i32.const 2)))))
  (func (export "return") (param $x i32) (result i32)
    (if (i32.eq (local.get $x) (i32.const 3)) (then ${work} (if (i32.load (i32.const 64)) (then (return (i32.const -1)))) (return (i32.const -2))))
    (local.get $x))
  (func (export "trap") (param $x i32) (result i32)
    (if (i32.eq (local.get $x) (i32.const 3)) (then ${work} (call $told (i32.const 99)) (unreachable)))
    (local.get $x)))`;

/** What each function answers to each number, what it told on the way, and what it left in memory. */
function answers(bytes) {
  const told = [];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { t: { t: (value) => told.push(value) } });
  for (const [name, run] of Object.entries(exports)) {
    for (let x = 0; typeof run === "function" && x < 12; x++) {
      try {
        told.push([name, x, run(x)]);
      } catch (error) {
        told.push([name, x, error.message]);
      }
      told.push(new Int32Array(exports.memory.buffer)[16]);
    }
  }
  return told;
}

test("a tail that moved does what it did, whichever tails move", () => {
  const folder = mkdtempSync(join(tmpdir(), "kubehop-"));
  writeFileSync(join(folder, "a.wat"), text);
  execFileSync(join(root, "node_modules/.bin/wasm-as"), [join(folder, "a.wat"), "-o", join(folder, "a.wasm"), "--enable-multivalue"]);
  const bytes = readFileSync(join(folder, "a.wasm"));
  const { count } = marking(bytes);
  const before = answers(bytes);
  let most = 0;
  for (let turn = 0; turn < 400; turn++) {
    // Functions are entered always; of their tails the first time none, later some.
    const entered = (mark) => turn > 0 && ((mark * 2654435761 + turn * 40503) >>> 7) % 3 === 0;
    const firsts = new Set(marking(bytes).firsts);
    const { bytes: after, moved } = apart(bytes, (mark) => firsts.has(mark) || entered(mark));
    assert.deepEqual(answers(after), before, `turn ${turn}`);
    most = Math.max(most, moved);
  }
  assert.ok(most >= 9 && count > most, `${most} of ${count} moved`);
});

test("marks tell which tails were entered", () => {
  const folder = mkdtempSync(join(tmpdir(), "kubehop-"));
  writeFileSync(join(folder, "a.wat"), text);
  execFileSync(join(root, "node_modules/.bin/wasm-as"), [join(folder, "a.wat"), "-o", join(folder, "a.wasm"), "--enable-multivalue"]);
  const bytes = readFileSync(join(folder, "a.wasm"));
  const { bytes: marked, base, count, firsts } = marking(bytes);
  assert.deepEqual(answers(marked), answers(bytes));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(marked), { t: { t: () => {} } });
  exports.return(1);
  const marks = [...new Uint8Array(exports.memory.buffer, base, count)];
  const at = Object.keys(exports).filter((name) => name !== "memory").indexOf("return");
  assert.equal(marks[firsts[at]], 1);
  assert.deepEqual(firsts.map((first) => marks[first]).filter(Boolean), [1]);
  assert.equal(marks[firsts[at] + 1], 0, "the branch of 3 was not taken");
});
