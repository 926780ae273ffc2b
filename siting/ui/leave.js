// Leaves the app for a page before it; after signing in one comes back here.
export default function (component) {
  const here = window.location.pathname + window.location.search;
  window.location.assign(component.data.to + "?next=" + encodeURIComponent(here));
}
