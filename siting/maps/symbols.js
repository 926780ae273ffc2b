// Symbols, tooltips and legends shared by the work map and by exported files.
// Text from people only ever becomes textContent.
export function symbols(L) {
  const TAU = 2 * Math.PI;
  const corners = (n, turn, inner) => (c, x, y, r) => {
    for (let i = 0; i < n; i++) {
      const a = turn + (i * TAU) / n, q = inner && i % 2 ? r * inner : r;
      c[i ? "lineTo" : "moveTo"](x + q * Math.cos(a), y + q * Math.sin(a));
    }
    c.closePath();
  };
  const round = (c, x, y, r) => { c.moveTo(x + r, y); c.arc(x, y, r, 0, TAU); };
  const paths = {
    circle: round, ring: round,
    triangle: corners(3, -TAU / 4), diamond: corners(4, -TAU / 4),
    square: corners(4, TAU / 8), star: corners(10, -TAU / 4, 0.45),
  };
  const none = (colour) => !colour || colour === "none";

  // A marker with a shape of its own on Leaflet's canvas.
  const Shape = L.CircleMarker.extend({
    _updatePath() {
      const canvas = this._renderer;
      if (!canvas._drawing || this._empty()) return;
      // Crowds shrink far out, so that single things stay visible; marks keep their size.
      const scale = this._radius > 6 ? 1 : Math.min(1, Math.max(0.5, 0.5 + (this._map.getZoom() - 12) / 6));
      canvas._ctx.beginPath();
      (paths[this.options.shape] || round)(canvas._ctx, this._point.x, this._point.y, Math.max(this._radius * scale, 1));
      canvas._fillStroke(canvas._ctx, this);
    },
  });

  function options(style) {
    const s = style || {};
    const line = s.shape === "polygon" || s.shape === "line";
    return {
      shape: s.shape, radius: s.size || 4,
      color: none(s.stroke) ? s.fill || "#444444" : s.stroke, weight: line ? s.size || 2 : s.shape === "ring" ? 3 : 1,
      fill: !none(s.fill) && s.shape !== "ring" && s.shape !== "line",
      fillColor: none(s.fill) ? undefined : s.fill, fillOpacity: s.opacity ?? 0.8, opacity: 0.95,
    };
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined && text !== null) made.textContent = String(text);
    return made;
  }

  // The picture of one legend row.
  function swatch(row) {
    const canvas = element("canvas", "siting-swatch");
    canvas.width = canvas.height = 32;
    const c = canvas.getContext("2d");
    c.beginPath();
    if (row.shape === "hatch") for (const x of [3, 12, 21]) { c.moveTo(x, 26); c.lineTo(x + 5, 26); c.lineTo(x + 9, 6); c.lineTo(x + 4, 6); }
    else if (row.shape === "cell" || row.shape === "polygon") c.rect(3, 6, 26, 20);
    else if (row.shape === "line") { c.moveTo(2, 16); c.lineTo(30, 16); }
    else (paths[row.shape] || round)(c, 16, 16, 11);
    c.globalAlpha = row.shape === "cell" ? 1 : Math.max(row.opacity, 0.4);
    if (!none(row.fill) && row.shape !== "ring" && row.shape !== "line") { c.fillStyle = row.fill; c.fill(); }
    c.globalAlpha = 1; c.lineWidth = row.shape === "ring" ? 4 : 2;
    c.strokeStyle = none(row.stroke) ? (none(row.fill) ? "#444444" : row.fill) : row.stroke;
    c.stroke();
    return canvas;
  }

  function legend(blocks) {
    const box = element("div", "siting-legend-body");
    for (const block of blocks) {
      box.append(element("div", "siting-legend-title", block.title));
      for (const row of block.rows) {
        const line = element("div", "siting-legend-row");
        line.append(swatch(row), element("span", "", row.label));
        box.append(line);
      }
    }
    return box;
  }

  function details(properties, columns) {
    const table = element("table", "siting-facts");
    for (const column of columns) {
      const value = properties[column.key];
      if (value === null || value === undefined || value === "") continue;
      const row = element("tr");
      row.append(element("th", "", column.title), element("td", "", value));
      table.append(row);
    }
    return table;
  }

  // A GeoJSON layer whose features carry the properties id, label and style.  All layers share the map's one
  // canvas: a canvas of its own on top would take the clicks meant for the layers below.
  function features(data, styles, choices) {
    const { interactive = true, labels = false, onClick, columns } = choices;
    const layer = L.geoJSON(data, {
      interactive,
      style: (feature) => options(styles[feature.properties.style]),
      pointToLayer: (feature, place) => new Shape(place, { ...options(styles[feature.properties.style]), interactive }),
      onEachFeature: (feature, drawn) => {
        const { label } = feature.properties;
        if (label) drawn.bindTooltip(() => element("span", "", label), { sticky: !labels, permanent: labels, direction: labels ? "center" : "auto", className: labels ? "siting-name" : "" });
        if (columns) drawn.bindPopup(() => details(feature.properties, columns), { maxWidth: 320 });
        if (onClick) drawn.on("click", () => onClick(feature));
      },
    });
    return layer;
  }

  return { Shape, options, element, legend, features };
}
