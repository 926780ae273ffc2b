// Draws an exported map from its data; runs without network.
function sitingStandalone(map, content, symbols) {
  const draw = symbols(L);
  const names = [];
  content.layers.forEach((layer) => {
    const drawn = draw.features(layer.data, layer.styles, { columns: layer.columns, interactive: layer.columns.length > 0, labels: layer.labels });
    drawn.addTo(map);
    names.push([layer.name, drawn]);
  });
  const panel = L.control({ position: "topright" });
  panel.onAdd = () => {
    const box = draw.element("div", "siting-panel");
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    box.append(draw.element("h1", "", content.title));
    for (const note of content.notes) box.append(draw.element("p", "", note));
    for (const [name, drawn] of names) {
      const line = draw.element("label"), tick = draw.element("input");
      tick.type = "checkbox"; tick.checked = true;
      tick.addEventListener("change", () => (tick.checked ? map.addLayer(drawn) : map.removeLayer(drawn)));
      line.append(tick, draw.element("span", "", name));
      box.append(line);
    }
    box.append(draw.legend(content.legend));
    return box;
  };
  panel.addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.attributionControl.setPrefix(false);
  map.fitBounds(content.bounds);
}
