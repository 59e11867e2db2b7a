// The code editor: CodeMirror 6 behind one function. Loaded after the first paint; until then a textarea does the work.
//
// `create(host, options)` -> handle. Offsets are UTF-16 code units, as everywhere in JavaScript; lines count from 1.
// Colours come from the page's custom properties, so that a theme is the page's business.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldKeymap, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, Facet, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, EditorView, GutterMarker, MatchDecorator, ViewPlugin, WidgetType, drawSelection, gutterLineClass, highlightSpecialChars, keymap, lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--ink)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-num)" },
  { tag: tags.special(tags.string), color: "var(--code-str)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace, tags.meta], color: "var(--code-punct)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--code-punct)", fontStyle: "italic" },
  { tag: [tags.labelName, tags.typeName], color: "var(--code-str)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "transparent", fontSize: "var(--t-sm)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.375rem", fontVariantLigatures: "none", overflow: "auto" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 12px 0 0", position: "relative" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "0", fontSize: "var(--t-min)" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "44px", padding: "0 16px 0 8px", lineHeight: "1.375rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "1.5px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
  ".cm-scalar, .cm-scalar *": { color: "var(--code-num)" },
  ".cm-cause": { backgroundColor: "var(--accent-soft)" },
  ".cm-gutterElement.cm-cause": { backgroundColor: "var(--accent-soft)", boxShadow: "inset 3px 0 var(--accent)", color: "var(--accent)", fontWeight: "600" },
  ".cm-gutterElement.cm-part": { boxShadow: "inset 3px 0 var(--accent-line)" },
  ".cm-note": { float: "right", fontFamily: "var(--font-ui)", fontSize: "var(--t-min)", color: "var(--ink-3)", paddingLeft: "1rem", userSelect: "none", cursor: "pointer", background: "none", border: "0", minHeight: "1.375rem", lineHeight: "1.375rem" },
  ".cm-note:hover": { textDecoration: "underline" },
  ".cm-note.cm-cause": { color: "var(--accent)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--err) 1.2px", textUnderlineOffset: "4px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn) 1.2px", textUnderlineOffset: "4px" },
  ".cm-lintPoint:after": { borderBottomColor: "var(--err)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-md)", boxShadow: "var(--shadow)" },
  ".cm-tooltip-lint": { fontFamily: "var(--font-ui)", maxWidth: "440px" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeft: "3px solid var(--err)", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-panels": { backgroundColor: "var(--bg)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-panels input, .cm-panels button": { font: "inherit", color: "inherit" },
  ".cm-textfield, .cm-button": { backgroundImage: "none", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-sm)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft) !important" },
});

// The lines that the selected packet's hop points at.
const setMarksEffect = StateEffect.define();
const onNoteFacet = Facet.define({ combine: (values) => values[0] });
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

const marksField = StateField.define({
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

// Numbers, booleans and null: the YAML grammar calls every plain scalar content.
const scalars = new MatchDecorator({
  regexp: /(?<=(?:[:\[,]|^\s*-)\s+|\[)(?:true|false|null|~|-?\d+(?:\.\d+)?)(?=\s*(?:[,\]}]|#|$))/g,
  decoration: Decoration.mark({ class: "cm-scalar" }),
});
const scalarMarks = ViewPlugin.define(
  (view) => ({
    marks: scalars.createDeco(view),
    update(update) {
      this.marks = scalars.updateDeco(update, this.marks);
    },
  }),
  { decorations: (plugin) => plugin.marks },
);

// A change made by the page, which `onChange` does not hear of.
const fromPage = Annotation.define();

const phrases = {
  en: {},
  zh: {
    Find: "查找", Replace: "替换", next: "下一个", previous: "上一个", all: "全部", "match case": "区分大小写", regexp: "正则", "by word": "全词",
    replace: "替换", "replace all": "全部替换", close: "关闭", "Go to line": "跳到行", go: "跳转", "No diagnostics": "没有问题", Diagnostics: "问题",
  },
};

/** Makes an editor in `host`. */
export function create(host, { doc = "", readOnly = false, dark = false, lang = "en", label = "YAML", onChange, onApply, onLeave, onCursor, onNote, noteTitle }) {
  const theme = new Compartment();
  const language = new Compartment();
  const words = (lang, label) => [
    EditorState.phrases.of(phrases[lang] ?? {}),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
  ];
  const apply = () => (onApply?.(), true);
  const start = (doc) =>
    EditorState.create({
      doc,
      extensions: [
        keymap.of([
          { key: "Mod-Enter", run: apply },
          indentWithTab,
          ...defaultKeymap,
          ...historyKeymap,
          ...searchKeymap,
          ...lintKeymap,
          ...foldKeymap,
          // Tab indents in here, so Esc is the way out.
          { key: "Escape", run: (view) => (view.contentDOM.blur(), onLeave?.(), true) },
        ]),
        history(),
        drawSelection(),
        highlightSpecialChars(),
        highlightSelectionMatches(),
        bracketMatching(),
        search({ top: true }),
        indentUnit.of("  "),
        EditorState.tabSize.of(2),
        EditorState.readOnly.of(readOnly),
        lineNumbers(),
        marksField,
        onNoteFacet.of({ onNote, noteTitle }),
        yaml(),
        syntaxHighlighting(colours),
        scalarMarks,
        look,
        theme.of(EditorView.darkTheme.of(dark)),
        language.of(words(lang, label)),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !update.transactions.some((t) => t.annotation(fromPage))) onChange?.(update.state.doc.toString());
          if (update.selectionSet) onCursor?.(update.state.selection.main.head);
        }),
      ],
    });
  const view = new EditorView({ parent: host, state: start(doc) });
  return {
    /** Another text: of the same file (its history goes on), or of another one. */
    setDoc(text, another = false) {
      if (another) view.setState(start(text));
      else if (view.state.doc.toString() !== text) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, annotations: fromPage.of(true) });
      }
    },
    setDiagnostics(list) {
      const end = view.state.doc.length;
      const fit = (offset) => Math.max(0, Math.min(end, offset));
      view.dispatch(setDiagnostics(view.state, list.map((d) => ({ ...d, from: fit(d.from), to: Math.max(fit(d.from), fit(d.to)) }))));
    },
    setMarks(marks) {
      view.dispatch({ effects: setMarksEffect.of(marks) });
    },
    /** Puts the caret at an offset, in sight. */
    reveal(offset, end = offset) {
      const fit = (n) => Math.max(0, Math.min(view.state.doc.length, n));
      view.dispatch({ selection: { anchor: fit(offset), head: fit(end) }, effects: EditorView.scrollIntoView(fit(offset), { y: "center" }) });
    },
    focus: () => view.focus(),
    setTheme(dark) {
      view.dispatch({ effects: theme.reconfigure(EditorView.darkTheme.of(dark)) });
    },
    setLanguage(lang, label) {
      view.dispatch({ effects: language.reconfigure(words(lang, label)) });
    },
    destroy: () => view.destroy(),
  };
}

// The page, which is no module of its own, finds it here.
globalThis.kubehopEditor = { create };
