// The code editor: CodeMirror 6 behind a few plain functions. Bundled by tools/editor.mjs into editor.js,
// which the page loads after its first paint.
import { autocompletion, closeBrackets } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldGutter, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const phrases = {
  zh: { "No diagnostics": "没有问题", "Find": "查找", "Replace": "替换", "next": "下一个", "previous": "上一个", "all": "全部", "close": "关闭" },
};

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "ed-key" },
  { tag: tags.string, class: "ed-string" },
  { tag: [tags.number, tags.bool, tags.null], class: "ed-value" },
  { tag: tags.comment, class: "ed-comment" },
  { tag: [tags.punctuation, tags.separator, tags.meta], class: "ed-mark" },
]);

class Note extends WidgetType {
  constructor(text) {
    super();
    this.text = text;
  }
  eq(other) {
    return other.text === this.text;
  }
  toDOM() {
    const span = document.createElement("span");
    span.className = "ed-note";
    span.textContent = this.text;
    return span;
  }
}

const setMarks = StateEffect.define();
const marks = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    value = value.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMarks)) continue;
      const { doc } = transaction.state;
      const ranges = [];
      for (const { line, kind, note } of effect.value) {
        if (line < 1 || line > doc.lines) continue;
        const at = doc.line(line);
        ranges.push(Decoration.line({ class: `ed-${kind}` }).range(at.from));
        if (note) ranges.push(Decoration.widget({ widget: new Note(note), side: 1 }).range(at.to));
      }
      value = Decoration.set(ranges, true);
    }
    return value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/// Puts an editor into `host`. Lines count from 1, offsets are UTF-16 units, as in CodeMirror.
export function create(host, { doc = "", readOnly = false, dark = false, lang = "en", onChange, onApply, onCursor }) {
  const theme = new Compartment();
  const apply = () => {
    onApply?.();
    return true;
  };
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc,
      extensions: [
        EditorState.readOnly.of(readOnly),
        EditorState.phrases.of(phrases[lang] ?? {}),
        EditorState.tabSize.of(2),
        keymap.of([{ key: "Mod-Enter", run: apply }, ...historyKeymap, ...searchKeymap, ...defaultKeymap, indentWithTab]),
        history(),
        lineNumbers(),
        foldGutter(),
        lintGutter(),
        drawSelection(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        bracketMatching(),
        closeBrackets(),
        indentOnInput(),
        autocompletion(),
        yaml(),
        syntaxHighlighting(colours),
        marks,
        theme.of(EditorView.theme({}, { dark })),
        EditorView.contentAttributes.of({ "aria-label": lang === "zh" ? "YAML 编辑器" : "YAML editor" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange?.(update.state.doc.toString());
          if (update.selectionSet || update.docChanged) onCursor?.(update.state.selection.main.head);
        }),
      ],
    }),
  });
  const inside = (offset) => Math.max(0, Math.min(offset, view.state.doc.length));
  return {
    setDoc(text) {
      if (text !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    setDiagnostics(list) {
      const found = list.map(({ from, to, severity, message }) => ({ from: inside(from), to: Math.max(inside(from), inside(to)), severity, message }));
      view.dispatch(setDiagnostics(view.state, found));
    },
    setMarks(list) {
      view.dispatch({ effects: setMarks.of(list) });
    },
    focus() {
      view.focus();
    },
    setTheme(isDark) {
      view.dispatch({ effects: theme.reconfigure(EditorView.theme({}, { dark: isDark })) });
    },
    destroy() {
      view.destroy();
    },
  };
}
