// Completion and help at a field. What there is to say comes from the page (the library knows the API); the descriptions of fields
// are an asset of their own, fields.json, fetched when the first is asked for.
import { acceptCompletion, autocompletion, completionStatus, pickedCompletion, snippet, startCompletion } from "@codemirror/autocomplete";
import { EditorView, activateHover, closeHoverTooltips, hasHoverTooltips, hoverTooltip } from "@codemirror/view";

let descriptions;
const described = async (owner, field) => {
  descriptions ??= fetch("./fields.json").then((answer) => (answer.ok ? answer.json() : {})).catch(() => ((descriptions = undefined), {}));
  return (await descriptions)[owner]?.[field] ?? "";
};

const take = (insert, more) => (view, completion, from, to) => {
  view.dispatch({
    changes: { from, to, insert },
    selection: { anchor: from + insert.length },
    scrollIntoView: true,
    userEvent: "input.complete",
    annotations: pickedCompletion.of(completion),
  });
  if (more) startCompletion(view);
};

const types = ["property", "enum", "variable", "class"];

/** `offer(offset)` gives [{ label, kind, detail, insert, from, to, more, owner }], the likeliest first. */
const source = (offer) => (context) => {
  const offers = offer(context.pos);
  if (!offers?.length) return null;
  const { from, to } = offers[0];
  const typed = context.state.sliceDoc(from, context.pos);
  // Unasked, nothing opens on an empty line, nor over a word that is whole.
  if (!context.explicit && !typed && /(^|[-\s])$/.test(context.state.sliceDoc(from - 1, from)) && !/:\s+$/.test(context.state.sliceDoc(context.state.doc.lineAt(from).from, from))) return null;
  if (!context.explicit && offers[0].label === typed) return null;
  const options = offers.map(({ label, kind, detail, insert, more, owner }, i) => ({
    label,
    detail,
    type: types[kind],
    boost: -i / 1000,
    apply: kind === 3 ? snippet(insert) : take(insert, more),
    info: owner
      ? async () => {
          const text = await described(owner, label);
          if (!text) return null;
          const dom = document.createElement("div");
          dom.lang = "en";
          dom.textContent = text;
          return dom;
        }
      : undefined,
  }));
  return { from, to, options, filter: false };
};

export const completion = (offer) =>
  autocompletion({ override: [source(offer)], icons: false, closeOnBlur: true, maxRenderedOptions: 60, tooltipClass: () => "cm-offers" });

/** Tab takes the offer that is chosen, if the list is open; else it indents. */
export const tabTakes = { key: "Tab", run: (view) => completionStatus(view.state) === "active" && acceptCompletion(view) };

function show({ path, of, values, default: usual, owner, field }, words) {
  const dom = document.createElement("div");
  dom.className = "cm-help";
  const add = (parent, tag, text, lang) => {
    const element = parent.appendChild(document.createElement(tag));
    element.textContent = text;
    if (lang) element.lang = lang;
    return element;
  };
  add(dom, "b", path);
  dom.append(" ");
  add(dom, "i", of);
  if (values.length || usual) {
    const list = add(dom, "dl", "");
    if (values.length) add(list, "dt", words.oneOf), add(list, "dd", values.join(", "));
    if (usual) add(list, "dt", words.usual), add(list, "dd", usual);
  }
  const said = described(owner, field).then((text) => text && add(dom, "p", text, "en"));
  return { dom, said };
}

/** `explain(offset)` gives { from, to, path, of, values, default, owner, field }, or nothing. */
export const help = (explain, words) =>
  hoverTooltip(
    async (view, pos, side) => {
      const found = explain(pos);
      // Beside the key, the pointer is at something else.
      if (!found || pos < found.from || pos > found.to || (found.to === pos && side > 0)) return null;
      const { dom, said } = show(found, words());
      await Promise.race([said, new Promise((done) => setTimeout(done, 400))]);
      return { pos: found.from, end: found.to, above: true, create: () => ({ dom }) };
    },
    { hoverTime: 350, hideOnChange: true },
  );

/** Help at the caret, by a key: what the pointer would show, and said aloud. Another key press closes it. */
export const helpAtCaret = (explain) => (view) => {
  if (hasHoverTooltips(view.state)) return closeHelp(view);
  const found = explain(view.state.selection.main.head);
  if (!found) return false;
  activateHover(view, found.from, 1, { until: (transaction) => transaction.docChanged || transaction.selection });
  described(found.owner, found.field).then((text) => {
    const words = [found.path, found.of, ...found.values, found.default, text].filter(Boolean).join(". ");
    view.dispatch({ effects: EditorView.announce.of(words) });
  });
  return true;
};

export const closeHelp = (view) => hasHoverTooltips(view.state) && (view.dispatch({ effects: closeHoverTooltips }), true);
