/** Elements without a framework: `h` makes one, `fill` replaces what is in one. Text is always text, never markup. */

export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Listener = (event: never) => void;
export type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | Listener>>;

const SVG = 'http://www.w3.org/2000/svg';

/** Attributes whose name begins with `on` are listeners; `true` is an empty attribute, `false` and null leave it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, attributes);
  append(element, children);
  return element;
}

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  apply(element, attributes);
  append(element, children);
  return element;
}

function apply(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child as readonly Child[]);
    else element.append(child instanceof Node ? child : String(child));
  }
}

export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

const FOCUSABLE = 'button, select, input, textarea, summary, [tabindex]';

/** The same for what is drawn anew while somebody works in it: whoever had the focus has it afterwards. */
export function refill(element: Element, ...children: Child[]): void {
  const { activeElement } = document;
  const at =
    activeElement !== null && activeElement !== element && element.contains(activeElement)
      ? [...element.querySelectorAll(FOCUSABLE)].indexOf(activeElement)
      : -1;
  fill(element, ...children);
  if (at < 0) return;
  const again = element.querySelectorAll<HTMLElement>(FOCUSABLE)[at];
  if (again !== undefined && again.tagName === activeElement?.tagName) again.focus({ preventScroll: true });
}

/** The element with this id, which index.html promises. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id}`);
  return element as unknown as T;
}

/** Calls at most once a frame, with the newest arguments. */
export function perFrame(call: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      call();
    });
  };
}
