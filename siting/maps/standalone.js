// Draws an exported map from its data; runs without network.
function sitingStandalone(map, content, symbols) {
  const draw = symbols(L);
  const names = [];
  // Of these pictures one is shown at a time, above the basemap and below the features.
  const pictures = content.choice ? content.choice.pictures.map((p) => [p.name, p.url ? L.imageOverlay(p.url, p.bounds, { zIndex: 2 }) : null]) : [];
  const choose = (at) => pictures.forEach(([, drawn], i) => drawn && (i === at ? map.addLayer(drawn) : map.removeLayer(drawn)));
  choose(0);
  content.layers.forEach((layer) => {
    const drawn = draw.features(layer.data, layer.styles, { columns: layer.columns, interactive: layer.columns.length > 0, labels: layer.labels });
    drawn.addTo(map);
    names.push([layer.name, drawn]);
  });
  const panel = L.control({ position: "topright" });
  panel.onAdd = () => {
    // On a phone the panel begins closed: the map is what one opens the file for.
    const box = draw.element("details", "siting-panel");
    box.open = window.innerWidth > 600;
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    box.append(draw.element("summary", "", content.title));
    for (const [name, drawn] of names) {
      const line = draw.element("label"), tick = draw.element("input");
      tick.type = "checkbox"; tick.checked = true;
      tick.addEventListener("change", () => (tick.checked ? map.addLayer(drawn) : map.removeLayer(drawn)));
      line.append(tick, draw.element("span", "", name));
      box.append(line);
    }
    if (content.choice) {
      const group = draw.element("fieldset");
      group.append(draw.element("legend", "", content.choice.name));
      pictures.forEach(([name], i) => {
        const line = draw.element("label"), pick = draw.element("input");
        pick.type = "radio"; pick.name = "siting-choice"; pick.checked = i === 0;
        pick.addEventListener("change", () => choose(i));
        line.append(pick, draw.element("span", "", name));
        group.append(line);
      });
      box.append(group);
    }
    box.append(draw.legend(content.legend));
    const notes = draw.element("div", "siting-notes");
    for (const note of content.notes) notes.append(draw.element("p", "", note));
    box.append(notes);
    return box;
  };
  panel.addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.attributionControl.setPrefix(false);
  map.fitBounds(content.bounds);
}
