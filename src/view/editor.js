// The code editor: CodeMirror 6 behind one function. Loaded after the first paint; until then a textarea does the work.
//
// `create(host, options)` -> handle. Offsets are UTF-16 code units, as everywhere in JavaScript; lines count from 1.

import { startCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldKeymap, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { forEachDiagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState } from "@codemirror/state";
import { EditorView, drawSelection, dropCursor, highlightSpecialChars, keymap, lineNumbers, tooltips } from "@codemirror/view";
import { closeHelp, completion, help, helpAtCaret, tabTakes } from "./editor_help.js";
import { colours, look, scalarMarks } from "./editor_look.js";
import { marksField, onNoteFacet, setChangesEffect, setMarksEffect, stateGutter } from "./editor_marks.js";

// A change made by the page, which `onChange` does not hear of.
const fromPage = Annotation.define();

const phrases = {
  en: { oneOf: "one of", usual: "default" },
  zh: {
    oneOf: "可取", usual: "默认", Completions: "补全", "No results": "无结果", "current match": "当前匹配", "replaced match on line $": "已替换第 $ 行的匹配", "on line": "位于行",
    Find: "查找", Replace: "替换", next: "下一个", previous: "上一个", all: "全部", "match case": "区分大小写", regexp: "正则", "by word": "全词",
    replace: "替换", "replace all": "全部替换", close: "关闭", "Go to line": "跳到行", go: "跳转", "No diagnostics": "没有问题", Diagnostics: "问题",
  },
};

/**
 * Makes an editor in `host`. `onComplete`, `onHover` answer with what the library says of an offset (editor_help.js); `onFix(number)`
 * mends the diagnostic of that number, `onFormat` and `onChanges` are keys' and clicks' wishes to the page.
 */
export function create(host, options) {
  let { doc = "", name = "", readOnly = false, dark = false, lang = "en", label = "YAML" } = options;
  const { onChange, onApply, onLeave, onCursor, onComplete, onHover, onFix, onFormat, onChanges, onFiles, onNote, noteTitle } = options;
  const theme = new Compartment();
  const language = new Compartment();
  const words = () => [
    EditorState.phrases.of(phrases[lang] ?? {}),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
  ];
  const does = (what) => () => (what?.(), true);
  const explain = (offset) => onHover?.(offset);
  /** Mends what is wrong at the caret; on its line, if there is nothing at the caret itself. */
  const mend = (view) => {
    const { head } = view.state.selection.main;
    const line = view.state.doc.lineAt(head);
    let best;
    forEachDiagnostic(view.state, (diagnostic, from, to) => {
      const near = from <= head && head <= to ? 2 : from <= line.to && to >= line.from ? 1 : 0;
      if (diagnostic.actions?.length && near > (best?.near ?? 0)) best = { near, number: diagnostic.number };
    });
    if (best) onFix?.(best.number);
    return Boolean(best);
  };
  // Whoever comes to a line by keys hears what is wrong there.
  let spoken = 0;
  const speak = ({ state, view, docChanged }) => {
    const line = state.doc.lineAt(state.selection.main.head);
    if (docChanged || line.number === spoken) return (spoken = line.number);
    spoken = line.number;
    const told = [];
    forEachDiagnostic(state, ({ message }, from, to) => from <= line.to && to >= line.from && told.push(message));
    if (told.length) queueMicrotask(() => view.dispatch({ effects: EditorView.announce.of(told.join(". ")) }));
  };
  const start = (doc) =>
    EditorState.create({
      doc,
      extensions: [
        completion((offset) => onComplete?.(offset)),
        keymap.of([
          { key: "Mod-Enter", run: does(onApply) },
          { key: "Mod-i", run: helpAtCaret(explain), preventDefault: true },
          { key: "F1", run: helpAtCaret(explain), preventDefault: true },
          { key: "Mod-.", run: mend, preventDefault: true },
          { key: "Shift-Alt-f", run: does(onFormat), preventDefault: true },
          { key: "Mod-Shift-f", run: does(onFormat), preventDefault: true },
          tabTakes,
          indentWithTab,
          ...defaultKeymap,
          ...historyKeymap,
          ...searchKeymap,
          ...lintKeymap,
          ...foldKeymap,
          { key: "Escape", run: closeHelp },
          // Tab indents in here, so Esc is the way out.
          { key: "Escape", run: (view) => (view.contentDOM.blur(), onLeave?.(), true) },
        ]),
        history(),
        drawSelection(),
        dropCursor(),
        highlightSpecialChars(),
        highlightSelectionMatches(),
        bracketMatching(),
        search({ top: true }),
        indentUnit.of("  "),
        EditorState.tabSize.of(2),
        // A name that a new manifest has in several places is written once.
        EditorState.allowMultipleSelections.of(true),
        EditorState.readOnly.of(readOnly),
        stateGutter(() => onChanges?.()),
        lineNumbers(),
        marksField,
        onNoteFacet.of({ onNote, noteTitle }),
        help(explain, () => phrases[lang] ?? phrases.en),
        EditorView.domEventHandlers({
          drop(event) {
            const files = [...(event.dataTransfer?.files ?? [])];
            if (files.length) onFiles?.(files);
            return files.length > 0;
          },
        }),
        tooltips({ parent: document.body }),
        yaml(),
        syntaxHighlighting(colours),
        scalarMarks,
        look,
        theme.of(EditorView.darkTheme.of(dark)),
        language.of(words()),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !update.transactions.some((t) => t.annotation(fromPage))) onChange?.(update.state.doc.toString());
          if (update.selectionSet) {
            onCursor?.(update.state.selection.main.head);
            speak(update);
          }
        }),
      ],
    });
  const view = new EditorView({ parent: host, state: start(doc) });
  const kept = new Map();
  return {
    /** The text of a file: of the open one, or of another one, whose history is found again. */
    setDoc(text, file) {
      if (file !== name) {
        kept.set(name, view.state);
        const before = kept.get(file);
        name = file;
        view.setState(before ?? start(text));
        if (before) view.dispatch({ effects: [theme.reconfigure(EditorView.darkTheme.of(dark)), language.reconfigure(words())] });
      }
      if (view.state.doc.toString() !== text) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, annotations: fromPage.of(true) });
      }
    },
    /** The open file has another name. */
    rename(file) {
      name = file;
    },
    /** A file is gone, and its history. */
    forget(file) {
      kept.delete(file);
    },
    /** Changes the text as if it were typed: [{ from, to, insert }]. One undo takes all of it back. */
    edit(changes) {
      view.dispatch({ changes, annotations: isolateHistory.of("full"), userEvent: "input.fix", scrollIntoView: true });
    },
    setDiagnostics(list) {
      const end = view.state.doc.length;
      const fit = (offset) => Math.max(0, Math.min(end, offset));
      view.dispatch(setDiagnostics(view.state, list.map(({ fix, ...d }, number) => ({ ...d, number, from: fit(d.from), to: Math.max(fit(d.from), fit(d.to)), actions: fix ? [{ name: fix, apply: () => onFix?.(number) }] : undefined }))));
    },
    setMarks(marks) {
      view.dispatch({ effects: setMarksEffect.of(marks) });
    },
    /** Does at the caret what a key would do. */
    ask(what) {
      view.focus();
      ({ complete: startCompletion, explain: helpAtCaret(explain), mend })[what]?.(view);
    },
    setChanges(changes) {
      view.dispatch({ effects: setChangesEffect.of(changes) });
    },
    /** Puts the caret at an offset, in sight. */
    reveal(offset, end = offset) {
      const fit = (n) => Math.max(0, Math.min(view.state.doc.length, n));
      view.dispatch({ selection: { anchor: fit(offset), head: fit(end) }, effects: EditorView.scrollIntoView(fit(offset), { y: "center" }) });
    },
    /** Brings an offset into sight; the caret stays. */
    glance(offset) {
      view.dispatch({ effects: EditorView.scrollIntoView(Math.min(view.state.doc.length, offset), { y: "nearest", yMargin: 44 }) });
    },
    focus: () => view.focus(),
    setTheme(value) {
      dark = value;
      view.dispatch({ effects: theme.reconfigure(EditorView.darkTheme.of(dark)) });
    },
    setLanguage(tag, text) {
      [lang, label] = [tag, text];
      view.dispatch({ effects: language.reconfigure(words()) });
    },
    destroy: () => view.destroy(),
  };
}

// The page, which is no module of its own, finds it here.
globalThis.kubehopEditor = { create };
