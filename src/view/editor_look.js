// How the code editor looks. Colours come from the page's custom properties, so that a theme is the page's business.
import { HighlightStyle } from "@codemirror/language";
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--ink)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-num)" },
  { tag: tags.special(tags.string), color: "var(--code-str)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace, tags.meta], color: "var(--code-punct)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--code-punct)", fontStyle: "italic" },
  { tag: [tags.labelName, tags.typeName], color: "var(--code-str)" },
]);

export const look = EditorView.theme({
  // Tooltips stand in a box of their own that takes the same class.
  "&.cm-editor": { height: "100%" },
  "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "var(--t-sm)" },
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
  ".cm-note": { float: "right", marginLeft: "-100%", position: "sticky", right: "0", padding: "0 6px 0 8px", fontFamily: "var(--font-ui)", fontSize: "var(--t-min)", color: "var(--ink-3)", userSelect: "none", cursor: "pointer", background: "var(--surface)", border: "0", minHeight: "1.375rem", lineHeight: "1.375rem" },
  ".cm-note:hover": { textDecoration: "underline" },
  ".cm-note.cm-cause": { color: "var(--accent)", background: "var(--accent-soft)" },
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
  ".cm-state": { width: "14px" },
  ".cm-state .cm-gutterElement": { display: "flex", alignItems: "stretch", justifyContent: "flex-end", cursor: "pointer", position: "relative" },
  ".cm-bar": { width: "3px", backgroundColor: "var(--accent)" },
  ".cm-bar.cm-added": { backgroundColor: "var(--ok)" },
  ".cm-bar.cm-removed": { backgroundColor: "transparent" },
  ".cm-bar.cm-removed::after": { content: "''", position: "absolute", right: "0", top: "-4px", border: "4px solid transparent", borderRightColor: "var(--err)", borderLeftWidth: "0" },
  ".cm-flaw": { position: "absolute", left: "2px", top: "50%", width: "8px", height: "8px", marginTop: "-4px", backgroundColor: "var(--err)", borderRadius: "2px", transform: "rotate(45deg)" },
  ".cm-flaw.cm-warning": { backgroundColor: "var(--warn)", borderRadius: "50%" },
  ".cm-diagnosticAction": { font: "inherit", fontWeight: "var(--w-mid)", color: "var(--accent)", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-sm)", padding: "2px 8px", margin: "4px 8px 0 0", minHeight: "24px", display: "inline-block", cursor: "pointer" },
  ".cm-diagnosticAction:hover": { backgroundColor: "var(--sunk)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", fontSize: "var(--t-min)", maxHeight: "15em", minWidth: "220px", maxWidth: "min(460px, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px", lineHeight: "1.25rem", minHeight: "24px", display: "flex", gap: "12px", alignItems: "baseline" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft) !important", color: "var(--ink) !important", boxShadow: "inset 2px 0 var(--accent)" },
  ".cm-completionLabel": { flex: "none" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700", color: "var(--accent)" },
  ".cm-completionDetail": { fontFamily: "var(--font-ui)", fontStyle: "normal", color: "var(--ink-3)", marginLeft: "auto", overflow: "hidden", textOverflow: "ellipsis" },
  ".cm-tooltip.cm-completionInfo": { padding: "8px 10px", maxWidth: "340px", maxHeight: "15em", overflow: "auto", fontFamily: "var(--font-ui)", fontSize: "var(--t-min)", lineHeight: "var(--l-min)", color: "var(--ink-2)", whiteSpace: "pre-line" },
  ".cm-tooltip.cm-tooltip-hover": { maxWidth: "min(440px, 92vw)" },
  ".cm-tooltip-section:not(:first-child)": { borderTop: "1px solid var(--line)" },
  ".cm-help": { padding: "8px 12px 10px", fontFamily: "var(--font-ui)", fontSize: "var(--t-min)", lineHeight: "var(--l-min)", color: "var(--ink-2)", maxHeight: "16em", overflow: "auto" },
  ".cm-help b": { font: "600 var(--t-min)/var(--l-min) var(--font-mono)", color: "var(--ink)", overflowWrap: "anywhere" },
  ".cm-help i": { fontStyle: "normal", color: "var(--ink-3)", marginLeft: "8px" },
  ".cm-help dl": { display: "grid", gridTemplateColumns: "auto 1fr", gap: "0 10px", margin: "4px 0 0" },
  ".cm-help dt": { color: "var(--ink-3)" },
  ".cm-help dd": { margin: "0", fontFamily: "var(--font-mono)", color: "var(--ink)", overflowWrap: "anywhere" },
  ".cm-help p": { margin: "6px 0 0", whiteSpace: "pre-line" },
  ".cm-snippetField": { backgroundColor: "var(--accent-soft)" },
  ".cm-dropCursor": { borderLeftColor: "var(--accent)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft) !important" },
});

// Numbers, booleans and null: the YAML grammar calls every plain scalar content.
const scalars = new MatchDecorator({
  regexp: /(?<=(?:[:\[,]|^\s*-)\s+|\[)(?:true|false|null|~|-?\d+(?:\.\d+)?)(?=\s*(?:[,\]}]|#|$))/g,
  decoration: Decoration.mark({ class: "cm-scalar" }),
});
export const scalarMarks = ViewPlugin.define(
  (view) => ({
    marks: scalars.createDeco(view),
    update(update) {
      this.marks = scalars.updateDeco(update, this.marks);
    },
  }),
  { decorations: (plugin) => plugin.marks },
);
