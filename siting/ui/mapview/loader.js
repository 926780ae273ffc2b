// The component itself is this small; the map's code comes from the server once and stays in the browser's cache.
export default function (component) {
  const module = import(new URL(component.data.script, window.location.origin).href);
  module.then((map) => map.draw(component));
  return () => module.then((map) => map.leave(component.parentElement));
}
