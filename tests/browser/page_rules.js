// The rules that look at a page as it is laid out. check_page.py runs this function in the page, once for each view.
// It answers { findings: [[rule, message], ...], text: what can be read }; it changes nothing that lasts.
({ width, smallest, contrast }) => {
  const findings = [];
  const finding = (rule, message) => findings.push([rule, message]);
  const shorten = (text) => {
    const short = text.replace(/\s+/g, " ").trim();
    return JSON.stringify(short.length > 50 ? short.slice(0, 49) + "…" : short);
  };
  const label = (element) => {
    const name = element.localName + (element.id ? "#" + element.id : "");
    return "<" + [name, ...element.classList].join(".") + ">";
  };
  const isSvg = (element) => element instanceof SVGElement;
  const parentOf = (element) => element.parentElement;
  const chain = (element) => {
    const all = [];
    for (let each = element; each; each = parentOf(each)) all.push(each);
    return all;
  };

  // --- What is visible -------------------------------------------------------------------------------------------

  const rendered = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  // What of a box remains after ancestors that hide what overflows. Text for screen readers alone is kept in a box of
  // one pixel; boxes that scroll hide nothing for good. An <svg> is left out: what it cuts off is a finding of its own.
  const clipped = (box, element) => {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (const each of chain(element)) {
      if (isSvg(each) || each === document.body || each === document.documentElement) continue;
      const style = getComputedStyle(each);
      if (style.clipPath.startsWith("inset(50%") || style.clip.startsWith("rect(0px, 0px, 0px")) return null;
      const outer = each.getBoundingClientRect();
      if (["hidden", "clip"].includes(style.overflowX)) {
        [left, right] = [Math.max(left, outer.left), Math.min(right, outer.right)];
      }
      if (["hidden", "clip"].includes(style.overflowY)) {
        [top, bottom] = [Math.max(top, outer.top), Math.min(bottom, outer.bottom)];
      }
    }
    return right - left >= 2 && bottom - top >= 2 ? { left, top, right, bottom } : null;
  };

  // Every piece of visible text: { element, text, boxes }, in the order of the document.
  const pieces = [];
  let readable = "";
  const unseen = "script, style, template, noscript, head, title, desc, metadata, defs, datalist, option";
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  const blockOf = (element) =>
    chain(element).find((each) =>
      isSvg(each) ? each.localName === "text" : !["inline", "contents"].includes(getComputedStyle(each).display));
  let lastBlock = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (node.localName === "br") readable += " ";
      continue;
    }
    const element = node.parentElement;
    if (element.closest(unseen) || !rendered(element)) continue;
    const block = blockOf(element);
    if (block !== lastBlock) readable += " ";
    lastBlock = block;
    if (!node.data.trim()) {
      readable += " ";
      continue;
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
    if (!boxes.some((box) => clipped(box, element))) continue;
    readable += node.data;
    pieces.push({ element, text: node.data, boxes, style: getComputedStyle(element) });
  }
  // Text without a node of its own: what style sheets generate, and what fields hold.
  const withoutNode = [];
  for (const element of document.body ? document.body.querySelectorAll("*") : []) {
    if (element.closest("svg") || !rendered(element)) continue;
    for (const which of ["::before", "::after"]) {
      const style = getComputedStyle(element, which);
      const text = /^"(.*)"/s.exec(style.content)?.[1] ?? "";
      if (text.trim() && style.display !== "none") withoutNode.push({ element, text, boxes: [], style });
    }
    if (element.matches("input:not([type=hidden]), select, textarea")) {
      const text = element.value || element.placeholder || "";
      if (text) withoutNode.push({ element, text, boxes: [], style: getComputedStyle(element) });
    }
  }

  // --- Size ------------------------------------------------------------------------------------------------------

  // By how much the text is scaled where it is shown, the smaller of both directions.
  const scaleOf = (element) => {
    let factor = 1;
    for (const each of chain(element)) {
      if (isSvg(each)) {
        // The matrix to the screen has what lies further out in it: the viewBox, transforms, zoom.
        const graphics = each.getScreenCTM ? each : each.closest("text, g, svg");
        const matrix = graphics.getScreenCTM();
        if (!matrix) return factor;
        return factor * Math.min(Math.hypot(matrix.a, matrix.b), Math.hypot(matrix.c, matrix.d));
      }
      const style = getComputedStyle(each);
      if (style.transform !== "none") {
        const matrix = new DOMMatrix(style.transform);
        factor *= Math.min(Math.hypot(matrix.a, matrix.b), Math.hypot(matrix.c, matrix.d));
      }
      if (style.scale !== "none") factor *= Math.min(...style.scale.split(" ").map(Number));
      factor *= Number(style.zoom) || 1;
    }
    return factor;
  };
  for (const { element, text, style } of [...pieces, ...withoutNode]) {
    const size = Number.parseFloat(style.fontSize) * scaleOf(element);
    if (size < smallest - 0.05) {
      const found = `is ${size.toFixed(1)} px high, below ${smallest} px`;
      finding("small-text", `${shorten(text)} in ${label(element)} ${found}`);
    }
  }

  // --- Width and cut-off labels ----------------------------------------------------------------------------------

  // A phone shrinks a page that is too wide, and innerWidth grows with it: the width of the view is what counts.
  const room = Math.min(innerWidth, width);
  const needed = document.documentElement.scrollWidth;
  if (needed > room) {
    const contains = (each) => each !== document.body && each !== document.documentElement &&
      ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(each).overflowX);
    const wide = [...document.body.querySelectorAll("*")].filter((each) =>
      each.getBoundingClientRect().right + scrollX > room + 0.5 &&
      !chain(parentOf(each)).some(contains));
    const named = wide.slice(0, 3).map(label).join(", ");
    finding("too-wide", `the page needs ${needed} px and has ${room} px${named && `, because of ${named}`}`);
  }
  for (const { element, text, boxes, style } of pieces) {
    for (const frame of chain(element).filter((each) => each.localName === "svg")) {
      if (getComputedStyle(frame).overflowX === "visible") continue;
      const view = frame.getBoundingClientRect();
      // The box of a glyph has air above and below; one pixel is rounding.
      const air = 1 + 0.1 * Number.parseFloat(style.fontSize) * scaleOf(element);
      const beyond = boxes.some((box) => box.left < view.left - 1 || box.right > view.right + 1 ||
        box.top < view.top - air || box.bottom > view.bottom + air);
      if (beyond) {
        finding("cut-off-label", `${shorten(text)} reaches beyond the edge of ${label(frame)}`);
        break;
      }
    }
  }

  // --- Contrast --------------------------------------------------------------------------------------------------

  // Colours are [red, green, blue, alpha] from 0 to 1. A canvas reads every notation that the browser knows.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colour = (notation) => {
    if (!known.has(notation)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = notation;
      canvas.fillRect(0, 0, 1, 1);
      known.set(notation, [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255));
    }
    return known.get(notation);
  };
  const faded = ([r, g, b, a], opacity) => [r, g, b, a * opacity];
  const over = (upper, lower) => {
    const alpha = upper[3] + lower[3] * (1 - upper[3]);
    if (alpha === 0) return [0, 0, 0, 0];
    const mix = (i) => (upper[i] * upper[3] + lower[i] * lower[3] * (1 - upper[3])) / alpha;
    return [mix(0), mix(1), mix(2), alpha];
  };
  const luminance = ([r, g, b]) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  // WCAG 2.2, "contrast ratio".
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  // What is under everything: white, or nearly black where the page says that it knows dark.
  const paper = (() => {
    const probe = document.createElement("span");
    probe.style.color = "Canvas";
    document.documentElement.append(probe);
    const found = colour(getComputedStyle(probe).color);
    probe.remove();
    return found;
  })();
  // What an element paints behind its content: its colour, or every colour of its gradient, laid over that colour.
  const painted = (style) => {
    const base = colour(style.backgroundColor);
    const stops = style.backgroundImage.match(/(?:rgba?|hsla?|hwb|oklab|oklch|lab|lch|color)\([^()]*\)/g) ?? [];
    return stops.length ? stops.map((stop) => over(colour(stop), base)) : [base];
  };
  // The pairs of text and background that result when both are laid over the backgrounds of `elements`, from the inside
  // out, each element fading what it holds by its opacity.
  const layered = (pair, elements) => {
    let pairs = [pair];
    for (const element of elements) {
      const style = getComputedStyle(element);
      const opacity = Number(style.opacity);
      if (!isSvg(element)) {
        pairs = painted(style).flatMap((under) => pairs.map(([text, back]) => [over(text, under), over(back, under)]));
      } else if (element.localName === "svg") {
        const under = colour(style.backgroundColor);
        pairs = pairs.map(([text, back]) => [over(text, under), over(back, under)]);
      }
      pairs = pairs.map(([text, back]) => [faded(text, opacity), faded(back, opacity)]).slice(0, 64);
    }
    return pairs.map(([text, back]) => [over(text, paper), over(back, paper)]);
  };
  const report = ({ element, text }, pairs) => {
    const worst = Math.min(...pairs.map(([upper, lower]) => ratio(upper, lower)));
    if (worst < contrast - 0.005) {
      finding("contrast", `${shorten(text)} in ${label(element)} has ${worst.toFixed(2)}:1, below ${contrast}:1`);
    }
  };
  const nothing = [0, 0, 0, 0];

  for (const piece of [...pieces, ...withoutNode]) {
    if (isSvg(piece.element)) continue;
    // The colour that is painted can be another than `color`, which says nothing where text is transparent over a clip.
    report(piece, layered([colour(piece.style.webkitTextFillColor), nothing], chain(piece.element)));
  }

  // SVG text: under it lie the shapes that are found at its left, its middle and its right, and then the page.
  const everythingIsHit = new CSSStyleSheet();
  everythingIsHit.replaceSync("* { pointer-events: visiblePainted !important }");
  const scrolled = [...document.querySelectorAll("*")]
    .filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight)
    .map((each) => [each, each.scrollLeft, each.scrollTop]);
  const sheets = document.adoptedStyleSheets;
  document.adoptedStyleSheets = [...sheets, everythingIsHit];
  const shapes = "rect, circle, ellipse, path, polygon, polyline, line, use";
  const solid = (notation) => notation !== "none" && !notation.startsWith("url(") && !notation.startsWith("context-");
  for (const piece of pieces) {
    if (!isSvg(piece.element) || !solid(piece.style.fill)) continue;
    const text = piece.element.closest("text");
    const around = chain(piece.element);
    const outside = around.slice(around.findLastIndex((each) => each.localName === "svg"));
    const inside = around.slice(0, -outside.length);
    const opacity = inside.reduce((product, each) => product * Number(getComputedStyle(each).opacity), 1);
    const fill = faded(colour(piece.style.fill), Number(piece.style.fillOpacity) * opacity);
    piece.element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const range = document.createRange();
    range.selectNodeContents(piece.element);
    const pairs = [];
    for (const box of range.getClientRects()) {
      for (const part of [0.02, 0.5, 0.98]) {
        let back = nothing;
        for (const each of document.elementsFromPoint(box.left + box.width * part, box.top + box.height / 2)) {
          const above = text?.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING;
          if (above || !each.matches(shapes) || !outside[0].contains(each)) continue;
          const style = getComputedStyle(each);
          if (!solid(style.fill)) continue;
          const faint = chain(each).filter(isSvg).reduce((all, one) => all * Number(getComputedStyle(one).opacity), 1);
          back = over(back, faded(colour(style.fill), Number(style.fillOpacity) * faint));
        }
        pairs.push(...layered([over(fill, back), back], outside));
      }
    }
    report(piece, pairs);
  }
  document.adoptedStyleSheets = sheets;
  for (const [each, left, top] of scrolled) each.scrollTo({ left, top, behavior: "instant" });

  // --- Structure -------------------------------------------------------------------------------------------------

  if (!document.title.trim()) finding("title", "the page has no <title>");
  if (!document.documentElement.lang.trim()) finding("lang", "<html> has no lang");
  const viewport = document.querySelector("meta[name=viewport]")?.content ?? "";
  if (!/width\s*=\s*device-width/.test(viewport)) {
    finding("viewport", "the page has no <meta name=viewport> with width=device-width");
  }
  if (![...document.querySelectorAll("h1")].some((each) => rendered(each) && each.textContent.trim())) {
    finding("h1", "the page has no <h1> that is visible");
  }
  for (const table of document.querySelectorAll("table")) {
    if (table.querySelector("th")) continue;
    finding("table-header", `${label(table)} ${shorten(table.textContent)} has no <th>`);
  }
  for (const svg of document.querySelectorAll("svg")) {
    const inner = parentOf(svg)?.closest("svg");
    if (inner || !rendered(svg)) continue;
    // Mere decoration may be hidden from screen readers; text is no decoration.
    if (svg.getAttribute("aria-hidden") === "true" && !svg.querySelector("text, foreignObject")) continue;
    const title = [...svg.children].find((each) => each.localName === "title")?.textContent ?? "";
    const named = (svg.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean)
      .map((id) => document.getElementById(id)?.textContent ?? "").join("");
    if (svg.getAttribute("role") !== "img" || !(svg.getAttribute("aria-label") || named || title).trim()) {
      finding("svg-name", `${label(svg)} needs role="img", and an aria-label or a <title>`);
    }
  }
  const images = ["backgroundImage", "listStyleImage", "borderImageSource", "maskImage", "content", "cursor"];
  const pictures = "img, picture, image, feImage, video, canvas, object, embed, input[type=image]";
  for (const each of document.querySelectorAll(pictures)) finding("image", `${label(each)} is an image`);
  for (const element of document.querySelectorAll("*")) {
    for (const which of [null, "::before", "::after"]) {
      const style = getComputedStyle(element, which);
      for (const property of images) {
        if (/url\((?!"?#)/.test(style[property])) {
          finding("image", `${label(element)}${which ?? ""} has an image as ${property}`);
        }
      }
    }
  }
  // These reach for the network without a request that can be seen.
  for (const link of document.querySelectorAll("link[rel~=preconnect], link[rel~=dns-prefetch], link[rel~=prefetch]")) {
    finding("request", `<link rel="${link.rel}" href="${link.getAttribute("href")}"> reaches for the network`);
  }

  return { findings, text: readable.replace(/[\u00ad\u200b\u2060]/g, "").replace(/\s+/g, " ").trim() };
}
