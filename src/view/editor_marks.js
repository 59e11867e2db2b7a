// What stands beside and behind the lines: the selected hop's lines, what differs from the applied text, what is wrong.
import { forEachDiagnostic } from "@codemirror/lint";
import { Facet, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, GutterMarker, WidgetType, gutter, gutterLineClass } from "@codemirror/view";

// The lines that the selected packet's hop points at.
export const setMarksEffect = StateEffect.define();
/** What a click on a note does, and its title. */
export const onNoteFacet = Facet.define({ combine: (values) => values[0] });
class Note extends WidgetType {
  constructor(text, kind, hop) {
    super();
    this.text = text;
    this.kind = kind;
    this.hop = hop;
  }
  eq(other) {
    return other.text === this.text && other.kind === this.kind && other.hop === this.hop;
  }
  toDOM(view) {
    const note = document.createElement("button");
    const { onNote, noteTitle } = view.state.facet(onNoteFacet) ?? {};
    note.type = "button";
    note.className = `cm-note cm-${this.kind}`;
    note.textContent = this.text;
    note.title = noteTitle ?? "";
    // Tab indents in here; the inspector has the same way back for the keyboard.
    note.tabIndex = -1;
    note.addEventListener("mousedown", (event) => event.preventDefault());
    note.addEventListener("click", () => onNote?.(this.hop));
    return note;
  }
  ignoreEvent() {
    return true;
  }
}
const gutterMarks = { cause: new (class extends GutterMarker { elementClass = "cm-cause"; })(), part: new (class extends GutterMarker { elementClass = "cm-part"; })() };

function decorate(doc, marks) {
  const lines = [];
  const gutter = [];
  const seen = new Map();
  for (const mark of marks) {
    if (mark.line < 1 || mark.line > doc.lines) continue;
    const before = seen.get(mark.line);
    if (!before || (before.kind === "part" && mark.kind === "cause")) seen.set(mark.line, mark);
  }
  for (const [number, { kind, note, hop }] of [...seen].sort((a, b) => a[0] - b[0])) {
    const line = doc.line(number);
    lines.push(Decoration.line({ class: `cm-${kind}` }).range(line.from));
    if (note) lines.push(Decoration.widget({ widget: new Note(note, kind, hop), side: 1 }).range(line.to));
    gutter.push(gutterMarks[kind].range(line.from));
  }
  return { marks, lines: Decoration.set(lines, true), gutter };
}

export const marksField = StateField.define({
  create: (state) => decorate(state.doc, []),
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setMarksEffect)) return decorate(transaction.state.doc, effect.value);
    return transaction.docChanged ? decorate(transaction.state.doc, value.marks) : value;
  },
  provide: (field) => [
    EditorView.decorations.from(field, (value) => value.lines),
    gutterLineClass.compute([field], (state) => RangeSet.of(state.field(field).gutter, true)),
  ],
});

// How lines differ from what is applied: { line, kind, note }, a kind of added, changed and removed (above the line).
export const setChangesEffect = StateEffect.define();
class Bar extends GutterMarker {
  constructor(kind, note) {
    super();
    this.kind = kind;
    this.note = note;
  }
  eq(other) {
    return other.kind === this.kind && other.note === this.note;
  }
  toDOM() {
    const bar = document.createElement("span");
    bar.className = this.kind === "error" || this.kind === "warning" ? `cm-flaw cm-${this.kind}` : `cm-bar cm-${this.kind}`;
    bar.title = this.note;
    return bar;
  }
}
const bars = (doc, list) =>
  RangeSet.of(list.filter(({ line }) => line >= 1 && line <= doc.lines).map(({ line, kind, note }) => new Bar(kind, note).range(doc.line(line).from)), true);
const changesField = StateField.define({
  create: () => RangeSet.empty,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setChangesEffect)) return bars(transaction.state.doc, effect.value);
    return value.map(transaction.changes);
  },
});

const flaws = (state) => {
  const lines = new Map();
  forEachDiagnostic(state, ({ severity, message }, from) => {
    const line = state.doc.lineAt(from).from;
    const before = lines.get(line);
    if (!before || (before.severity === "warning" && severity === "error")) lines.set(line, { severity, message });
  });
  return RangeSet.of([...lines].map(([at, { severity, message }]) => new Bar(severity, message).range(at)), true);
};

/** One narrow gutter for both; `onBar` and `onFlaw` answer a click. The same is said in words in lists of the page. */
export const stateGutter = (onBar) => [
  changesField,
  gutter({
    class: "cm-state",
    markers: (view) => [view.state.field(changesField), flaws(view.state)],
    lineMarkerChange: (update) => update.docChanged || update.transactions.some(({ effects }) => effects.length > 0),
    domEventHandlers: {
      mousedown(view, line, event) {
        const flaw = event.target.closest?.(".cm-flaw");
        const bar = event.currentTarget && view.state.field(changesField).size > 0;
        if (flaw) view.dispatch({ selection: { anchor: line.from }, scrollIntoView: true });
        else if (bar) onBar?.();
        return Boolean(flaw || bar);
      },
    },
  }),
];
