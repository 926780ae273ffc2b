// The work map: one Leaflet map per place on the page, kept across reruns.
// Layers are replaced only when their version changes; text from people only ever becomes textContent.
import { symbols } from "./symbols.js";

const memory = new Map(); // key of the map -> { view, hidden: Set } while the page's document lives
const desks = new WeakMap(); // div -> Desk
const groups = new Map(); // name -> desks that look at the same place
let leaflet;

function loadLeaflet(base) {
  leaflet ??= new Promise((resolve, reject) => {
    const css = document.createElement("link");
    css.rel = "stylesheet";
    css.href = `${base}/vendor/leaflet.css`;
    const script = document.createElement("script");
    script.src = `${base}/vendor/leaflet.js`;
    css.onerror = script.onerror = () => reject(new Error(script.src));
    const both = Promise.all([css, script].map((e) => new Promise((done) => (e.onload = done))));
    document.head.append(css, script);
    both.then(() => {
      window.L.Icon.Default.imagePath = `${base}/vendor/images/`;
      resolve(window.L);
    });
  });
  return leaflet;
}

class Desk {
  constructor(L, div, data) {
    Object.assign(this, { L, div, drawn: new Map(), symbols: symbols(L), focus: data.focus?.version });
    this.kept = memory.get(data.key) ?? { hidden: new Set(), shown: new Set() };
    memory.set(data.key, this.kept);
    const { words } = data;
    div.style.height = `${data.height}px`; // before the first view is fitted
    this.map = L.map(div, { preferCanvas: true, zoomControl: false, minZoom: data.min_zoom, maxZoom: data.max_zoom, attributionControl: false });
    L.control.zoom({ zoomInTitle: words.zoom_in, zoomOutTitle: words.zoom_out }).addTo(this.map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(this.map);
    this.panel = this.corner("topright", "siting-panel");
    this.note = this.corner("bottomleft", "siting-note");
    if (this.kept.view) this.map.setView(this.kept.view.center, this.kept.view.zoom);
    else if (data.focus) this.map.setView([data.focus.lat, data.focus.lng], data.focus.zoom); // a link leads to its place
    else this.fit(data.bounds);
    this.map.on("moveend", () => this.moved());
    this.moved();
    if (data.group) groups.set(data.group, (groups.get(data.group) ?? new Set()).add(this));
    this.map.on("click", (event) => this.clicked(event.latlng));
    div.setAttribute("tabindex", "0");
    div.setAttribute("role", "application");
    div.addEventListener("pointerdown", () => div.classList.remove("siting-keys"));
    div.addEventListener("keyup", () => div.classList.add("siting-keys")); // the tab key comes up here
    div.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === div) this.clicked(this.map.getCenter());
    });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(div);
    this.size = this.button();
  }

  // What was in the middle stays there; a map that is taken away, or not laid out yet, has no middle.
  resized() {
    if (!this.div.clientHeight || !this.div.clientWidth) return;
    const { center, zoom } = this.kept.view, unseen = this.unseen;
    this.map.invalidateSize({ pan: false });
    if (unseen) this.fit(unseen);
    else this.map.setView(center, zoom, { animate: false });
  }

  fit(bounds) {
    this.unseen = this.map.getSize().y ? null : bounds;
    this.map.fitBounds(bounds);
  }

  corner(position, className) {
    const control = this.L.control({ position });
    const box = this.symbols.element("div", className);
    control.onAdd = () => box;
    this.L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    control.addTo(this.map);
    return box;
  }

  button() {
    const box = this.corner("topleft", "leaflet-bar siting-bar");
    const button = this.symbols.element("button", "siting-button");
    button.type = "button";
    button.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : this.div.requestFullscreen()));
    box.append(button);
    return button;
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    this.div.style.height = `${data.height}px`;
    this.div.setAttribute("aria-label", data.words.map);
    this.size.title = data.words.fullscreen;
    this.size.setAttribute("aria-label", data.words.fullscreen);
    this.note.textContent = data.note || "";
    this.note.hidden = !data.note;
    this.panel.style.maxHeight = `${data.height - 64}px`; // leaves the scale free
    const wanted = new Set(data.layers.map((layer) => layer.id));
    for (const id of [...this.drawn.keys()]) if (!wanted.has(id)) this.drop(id);
    data.layers.forEach((layer, i) => this.place(layer, i));
    this.drawPanel();
    this.drawSelected();
    if (data.focus && data.focus.version !== this.focus) {
      this.focus = data.focus.version;
      this.map.setView([data.focus.lat, data.focus.lng], Math.max(data.focus.zoom, this.map.getZoom()));
    }
  }

  hides(layer) {
    const name = layer.name || layer.id;
    return layer.visible ? this.kept.hidden.has(name) : !this.kept.shown.has(name);
  }

  place(layer, order) {
    const known = this.drawn.get(layer.id);
    if (known && known.spec.version === layer.version) {
      known.order = order;
      return;
    }
    if (known) this.drop(layer.id);
    const entry = { spec: layer, order, pane: "overlayPane", leaf: null, box: null, call: 0 };
    if (layer.type !== "geojson") {
      entry.pane = `siting-${layer.id}`;
      if (!this.map.getPane(entry.pane)) this.map.createPane(entry.pane);
      this.map.getPane(entry.pane).style.zIndex = 200 + order;
    }
    this.drawn.set(layer.id, entry);
    this.show(entry);
  }

  show(entry) {
    const { spec } = entry;
    if (this.hides(spec)) return;
    const zoom = this.map.getZoom();
    if (spec.type === "geojson" && (zoom < (spec.min_zoom ?? 0) || zoom > (spec.max_zoom ?? 99))) return this.take(entry);
    if (spec.type !== "geojson") {
      if (entry.leaf) return undefined;
      const options = { pane: entry.pane, minZoom: spec.min_zoom ?? 0, maxZoom: spec.max_zoom ?? 22, opacity: spec.opacity ?? 1 };
      entry.leaf = spec.type === "tile" ? this.L.tileLayer(spec.url, options) : this.L.imageOverlay(spec.url, spec.bounds, options);
      entry.leaf.addTo(this.map);
      return undefined;
    }
    return spec.data ? entry.leaf || this.features(entry, spec.data) : this.load(entry);
  }

  // Features of the present view, with a margin, fetched again only when the view leaves it.
  async load(entry) {
    const { x, y } = this.map.getSize();
    if (!x || !y) return; // the page is being left, or not laid out yet
    const seen = this.map.getBounds();
    if (entry.leaf && (entry.spec.whole || entry.box?.contains(seen))) return;
    const box = seen.pad(0.5), call = ++entry.call;
    const bbox = entry.spec.whole ? "" : `bbox=${[box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((v) => v.toFixed(6)).join(",")}`;
    const answer = await fetch(`${entry.spec.url}${entry.spec.url.includes("?") ? "&" : "?"}${bbox}`);
    const data = answer.ok ? await answer.json() : null;
    if (!data || call !== entry.call || this.drawn.get(entry.spec.id) !== entry) return; // overtaken, or the map is gone
    entry.box = box;
    this.features(entry, data);
  }

  features(entry, data) {
    const { spec } = entry;
    const fresh = this.symbols.features(data, spec.styles, {
      labels: spec.labels, interactive: spec.clickable,
      onClick: spec.clickable ? (feature) => (this.hit = { layer: spec.id, id: feature.properties.id }) : undefined,
    });
    this.take(entry);
    entry.leaf = fresh.addTo(this.map);
    this.raise();
  }

  // On the one canvas, later layers lie on top; the ring above all.
  raise() {
    const shown = [...this.drawn.values()].filter((e) => e.leaf && e.spec.type === "geojson");
    for (const entry of shown.sort((a, b) => a.order - b.order)) entry.leaf.bringToFront();
    this.ring?.bringToFront();
  }

  take(entry) {
    entry.leaf?.remove();
    entry.leaf = null;
    entry.box = null;
  }

  drop(id) {
    const entry = this.drawn.get(id);
    this.take(entry);
    this.drawn.delete(id);
  }

  moved() {
    this.kept.view = { center: this.map.getCenter(), zoom: this.map.getZoom() };
    const { lat, lng } = this.kept.view.center;
    Object.assign(this.div.dataset, { zoom: this.kept.view.zoom, lat, lng });
    for (const entry of this.drawn.values()) if (entry.spec.type === "geojson") this.show(entry);
    if (this.following || !this.data?.group) return;
    for (const peer of groups.get(this.data.group) ?? []) if (peer !== this && peer.div.isConnected) peer.follow(this.kept.view);
  }

  follow({ center, zoom }) {
    this.following = true;
    this.map.setView(center, zoom, { animate: false });
    this.following = false;
  }

  clicked(place) {
    const hit = this.hit;
    this.hit = undefined;
    this.send({ lat: place.lat, lng: place.wrap().lng, zoom: this.map.getZoom(), layer: hit?.layer ?? null, id: hit?.id ?? null });
  }

  drawSelected() {
    const { selected, mark } = this.data;
    this.ring?.remove();
    this.ring = null;
    if (selected) this.ring = new this.symbols.Shape([selected.lat, selected.lng], { ...this.symbols.options(mark), interactive: false }).addTo(this.map);
  }

  drawPanel() {
    const { element, legend } = this.symbols, { data } = this;
    const state = JSON.stringify([data.layers.map((l) => [l.id, l.name, l.visible]), data.legend, data.words]);
    if (state === this.panelState) return;
    this.panelState = state;
    const box = element("details"), ticks = element("div", "siting-layers");
    box.open = this.kept.open ?? this.div.clientWidth > 600;
    box.addEventListener("toggle", () => (this.kept.open = box.open));
    const named = new Map(data.layers.filter((l) => l.name).map((l) => [l.name, l]));
    for (const layer of named.values()) {
      const line = element("label"), tick = element("input");
      tick.type = "checkbox";
      tick.checked = !this.hides(layer);
      tick.addEventListener("change", () => this.toggle(layer.name, tick.checked));
      line.append(tick, element("span", "", layer.name));
      ticks.append(line);
    }
    box.append(element("summary", "", data.words.layers), ticks, legend(data.legend));
    this.panel.replaceChildren(box);
  }

  // Layers of one name (dots far out, features close up) are one line of the switch.
  toggle(name, on) {
    this.kept.hidden[on ? "delete" : "add"](name);
    this.kept.shown[on ? "add" : "delete"](name);
    for (const entry of this.drawn.values()) {
      if (entry.spec.name !== name) continue;
      if (on) this.show(entry);
      else this.take(entry);
    }
  }

  remove() {
    groups.get(this.data?.group)?.delete(this);
    this.observer.disconnect();
    this.drawn.clear(); // features still on their way find no layer to fill
    this.map.remove();
  }
}

export async function draw({ data, parentElement, setTriggerValue }) {
  const div = parentElement.querySelector(".siting-map");
  let L;
  try {
    L = await loadLeaflet(data.base);
  } catch {
    div.textContent = data.words.failed;
    return;
  }
  if (!div.isConnected) return;
  let desk = desks.get(div);
  if (!desk) {
    desk = new Desk(L, div, data);
    desks.set(div, desk);
  }
  desk.update(data, (click) => setTriggerValue("click", click));
}

// The frame calls this when it takes the component away; a mere rerun leaves the map alone.
export function leave(parentElement) {
  const div = parentElement.querySelector?.(".siting-map");
  setTimeout(() => {
    const desk = div && desks.get(div);
    if (desk && !div.isConnected) {
      desk.remove();
      desks.delete(div);
    }
  }, 0);
}
