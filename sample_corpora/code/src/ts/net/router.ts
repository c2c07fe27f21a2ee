export type Params = Record<string, string>;
export type Handler<T> = (params: Params) => T;

interface Route<T> {
  method: string;
  parts: string[];
  handler: Handler<T>;
}

export class Router<T> {
  private routes: Route<T>[] = [];

  on(method: string, path: string, handler: Handler<T>): this {
    this.routes.push({ method, parts: split(path), handler });
    return this;
  }

  dispatch(method: string, path: string): T | undefined {
    const segments = split(path);
    for (const route of this.routes) {
      if (route.method !== method) continue;
      const params = match(route.parts, segments);
      if (params) return route.handler(params);
    }
    return undefined;
  }
}

function split(path: string): string[] {
  return path.replace(/\?.*$/, "").split("/").filter(Boolean);
}

function match(parts: string[], segments: string[]): Params | null {
  const params: Params = {};
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === "*") {
      params.rest = segments.slice(i).join("/");
      return params;
    }
    if (i >= segments.length) return null;
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(segments[i]);
    else if (part !== segments[i]) return null;
  }
  return parts.length === segments.length ? params : null;
}
