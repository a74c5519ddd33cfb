// Shows /openapi.json. Text is only ever set as text.
'use strict';

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
};

const resolve = (api, schema) =>
  schema && schema.$ref ? api.components.schemas[schema.$ref.split('/').pop()] : schema || {};

const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split('/').pop() : '');

// typeOf is a schema in a few words: what it is, its format, its bounds.
const typeOf = (api, schema) => {
  const known = resolve(api, schema);
  const types = [].concat(known.type || 'any');
  let text = types.filter((type) => type !== 'null').join(' or ');
  if (known.type === 'array') text = `list of ${typeOf(api, known.items)}`;
  if (nameOf(schema)) text = nameOf(schema);
  if (known.format && known.format !== 'int64') text += ` (${known.format})`;
  if (known.enum) text = known.enum.join(', ');
  if (known.minimum !== undefined && known.maximum !== undefined) text += ` ${known.minimum}–${known.maximum}`;
  if (known.default !== undefined) text += `, default ${JSON.stringify(known.default)}`;
  if (types.includes('null')) text += ' or null';
  return text;
};

// fields is a table of an object's members; objects within can be unfolded, each
// once on its way down.
const fields = (api, schema, above) => {
  const known = resolve(api, schema);
  if (known.type === 'array') return fields(api, known.items, above);
  const members = Object.entries(known.properties || {});
  if (!members.length) return null;
  const required = known.required || [];
  const rows = members.map(([name, member]) => {
    const inner = resolve(api, member).type === 'array' ? resolve(api, member).items : member;
    const below = nameOf(inner);
    const cell = make('td', {}, member.description || resolve(api, member).description || '');
    if (below && !above.includes(below)) {
      const unfolded = fields(api, inner, [...above, below]);
      if (unfolded) cell.append(make('details', {}, make('summary', {}, below), unfolded));
    }
    const optional = required.includes(name) ? '' : '?';
    return make('tr', {}, make('td', {}, name + optional), make('td', {}, typeOf(api, member)), cell);
  });
  return make('table', {}, make('tbody', {}, ...rows));
};

const parameters = (list, api) =>
  make('table', {}, make('tbody', {}, ...list.map((parameter) =>
    make('tr', {},
      make('td', {}, parameter.name + (parameter.required ? '' : '?')),
      make('td', {}, `${parameter.in}, ${typeOf(api, parameter.schema)}`),
      make('td', {}, parameter.description || '')))));

const body = (api, title, content) => {
  if (!content) return null;
  const [media, { schema }] = Object.entries(content)[0];
  const name = nameOf(schema);
  const table = schema ? fields(api, schema, name ? [name] : []) : null;
  return make('details', {}, make('summary', {}, `${title}: ${media} ${name}`), table);
};

const route = (api, path, method, operation) => {
  const section = make('section', { id: operation.operationId },
    make('h3', {}, make('span', { class: `method ${method}` }, method.toUpperCase()), ` ${path}`),
    make('p', {}, operation.summary || ''));
  section.append(make('p', { class: 'quiet' }, operation.security ? operation.description : 'Needs no key.'));
  if (operation.parameters) section.append(make('h4', {}, 'Parameters'), parameters(operation.parameters, api));
  if (operation.requestBody) {
    section.append(make('h4', {}, 'Body'));
    section.append(body(api, 'sends', operation.requestBody.content));
  }
  section.append(make('h4', {}, 'Answers'));
  for (const [status, response] of Object.entries(operation.responses)) {
    const answer = body(api, status === 'default' ? 'an error' : status, response.content);
    section.append(answer || make('p', { class: 'quiet' }, `${status} ${response.description}`));
  }
  return section;
};

const show = (api) => {
  document.getElementById('about').textContent = `${api.info.description} Version ${api.info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of ['get', 'put', 'post', 'delete']) {
      if (!methods[method]) continue;
      const tag = (methods[method].tags || ['more'])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, methods[method]]);
    }
  }
  for (const [tag, routes] of [...groups].sort()) {
    const contents = document.getElementById('contents');
    const main = document.getElementById('routes');
    contents.append(make('h2', {}, tag));
    main.append(make('h2', {}, tag));
    for (const [path, method, operation] of routes) {
      contents.append(make('a', { href: `#${operation.operationId}` }, `${method.toUpperCase()} ${path}`));
      main.append(route(api, path, method, operation));
    }
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
};

fetch('/openapi.json').then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById('routes').append(make('p', {}, `The description could not be read: ${error}`));
});
