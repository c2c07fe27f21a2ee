"""MCP: an index as tools of agents, over stdio or HTTP. The SDK is imported here alone.

engine        requests answered by the running server, else by this process, which loads the model meanwhile
tools         one module for each tool: arguments to a request, its answer to a short text
conversation  what one client was shown, so that what it does with it is logged
budget        tokens, estimated; texts cut to them
resources     documents as URIs
protocol      tools and resources as the SDK's server; stdio, http: its two transports
print_config  what goes into a client's settings
"""
